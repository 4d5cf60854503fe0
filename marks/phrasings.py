"""What a person may ask: each sample's seed picks one phrasing of each question."""

# Locate every mark. `{count}` is the number of marks.
SOM_QUESTIONS: tuple[str, ...] = (
    "Locate all the marks in the image.",
    "Where is each numbered mark? Give its coordinates.",
    "The image carries {count} numbered marks. List the position of each.",
    "Read every mark in the picture and say where it is.",
    "For each mark, write its number and its coordinates.",
    "Name all {count} marks with their locations.",
    "Which marks do you see, and where?",
    "Give the [x,y] position of every mark.",
)

# Say which marks move and where they go. `{steps}` is the number of future frames.
TOM_QUESTIONS: tuple[str, ...] = (
    "Which marks will move, and where will each be in the next {steps} frames? Answer in JSON.",
    "Give the traces of the moving marks over the next {steps} frames as JSON.",
    "Find the marks that are going to move and predict their positions for {steps} frames, as JSON.",
    "As JSON, write the future trace ({steps} points) of each mark that moves.",
    "Some of the marks move. Name them and trace each one through the next {steps} frames, in JSON.",
    "Predict how the scene goes on: the moving marks and their next {steps} positions, in JSON.",
    "For every mark in motion, list its coordinates in each of the coming {steps} frames. Use JSON.",
    "What moves next? Answer in JSON: each moving mark with its {steps} future positions.",
)

# Say which marks move, and not where to.
MOVING_QUESTIONS: tuple[str, ...] = (
    "Which marks will move in the next {steps} frames?",
    "Name the marks that are going to move, with their positions.",
    "Some of the marks move. Which ones, and where are they now?",
    "Find the marks that move next.",
    "For every mark in motion, write its number and where it is now.",
    "What moves next? List those marks.",
)
# The same of points without numbers: whole traces, each from where its point is now, ...
POINT_TRACE_QUESTIONS: tuple[str, ...] = (
    "Which points will move, and where will each be in the next {steps} frames? Answer in JSON.",
    "Give the traces of moving points, from where they are now through the next {steps} frames, as JSON.",
    "Find points that are going to move and predict their positions for {steps} frames, as JSON.",
    "As JSON, write points that move: where each is now and its next {steps} positions.",
    "Predict how the scene goes on: moving points and their next {steps} positions, in JSON.",
    "What moves next? Answer in JSON: points that move with their {steps} future positions.",
)
# ... or where they are now.
POINT_QUESTIONS: tuple[str, ...] = (
    "Which points will move in the next {steps} frames? Answer in JSON.",
    "Give points that are going to move, as JSON.",
    "Some things here move. As JSON, write points on them.",
    "What moves next? Answer in JSON: points that move.",
)

# Say what to do next on a screen; `{instruction}` is the task.
ACTION_QUESTIONS: tuple[str, ...] = (
    "Task: {instruction}\nWhat is the next action?",
    "Task: {instruction}\nWhich action comes next, and on which mark?",
    "You are asked to: {instruction}\nWhat do you do on this screen?",
    "Goal: {instruction}\nGive the next step as action : mark.",
    "To do: {instruction}\nName the action to take now and its mark.",
    "The user wants: {instruction}\nWhat should be done next on this screen?",
    "{instruction}\nAnswer with the next action and the mark that it is done to.",
    "Your task is this: {instruction}\nChoose the next action.",
)
# Say which mark an instruction is about; `{instruction}` is the input's own text.
REFERENCE_QUESTIONS: tuple[str, ...] = (
    "Which mark is meant? {instruction}",
    "Find the mark for this: {instruction}",
    "Task: {instruction}\nWhich mark is it about?",
    "{instruction}\nName the mark and its position.",
    "Locate the element for: {instruction}",
    "Which of the marks fits this description? {instruction}",
)
# Say which mark an element has; `{role}` is such as "button", `{text}` what is written there.
ELEMENT_QUESTIONS: tuple[str, ...] = (
    'Which mark is the {role} "{text}"?',
    'Find the {role} "{text}".',
    'Where is the {role} "{text}"? Give its mark and position.',
    'Name the mark of the {role} "{text}".',
    'I am looking for the {role} "{text}". Which mark is it?',
    'Locate the {role} that says "{text}".',
)
# What was done on the screens before, where it is known; `{steps}` has a line for each.
PAST_LINES = "Done so far:\n{steps}"
# Where pictures stand before the marked one: earlier ones, or black ones where there was none.
EARLIER_LINE = "The last image is the present one; those before it are earlier ones."
NO_EARLIER_LINE = "The last image is the present one; there was nothing before it."

# Say what the robot does next; `{task}` is the instruction as it stands within a sentence.
ROBOT_QUESTIONS: tuple[str, ...] = (
    "What should the robot do next to {task}?",
    "Which action should the robot take now to {task}?",
    "Give the robot's next action to {task}.",
    "To {task}, how does the robot move next?",
    "The robot is to {task}. What does it do now?",
    "The robot's task: {task}. What is its next action?",
    "Predict what the robot does next to {task}.",
    "How should the robot go on in order to {task}?",
)
# The same where there is no instruction.
FREE_ROBOT_QUESTIONS: tuple[str, ...] = (
    "What should the robot do next?",
    "Which action should the robot take now?",
    "Give the robot's next action.",
    "How does the robot move next?",
    "What does the robot do now?",
    "Predict what the robot does next.",
)
# Where several steps are asked for at once.
CHUNK_LINE = "Give its actions in the next {steps} steps."
# What the robot did before, where it is known; `{steps}` has a line for each earlier picture.
PAST_ACTIONS_LINES = "The robot's earlier actions:\n{steps}"

# The input's own text comes first where it has one.
TASK_LINE = "Task: {instruction}"
