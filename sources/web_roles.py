"""Which elements of a web page a person can act on, by tag and by accessible role."""

TAGS = ("a", "button", "input", "select", "textarea", "option", "label", "summary")
ROLES = (
    *("button", "checkbox", "combobox", "gridcell", "link", "listbox", "menuitem", "menuitemcheckbox"),
    *("menuitemradio", "option", "radio", "searchbox", "slider", "spinbutton", "switch", "tab", "textbox"),
    "treeitem",
)
