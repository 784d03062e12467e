"""Pages for people: what was predicted, how good a model is, what a training found.

Each page is one file that opens anywhere and asks nobody for anything: pictures, style and script
are inside, and its content security policy forbids the rest. Names and labels reach it as text,
never as markup. Needs the extra `report`; nothing here is imported before a page is asked for.
"""
