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

# The input's own text comes first where it has one.
TASK_LINE = "Task: {instruction}"
