"""One effect each: open collaborators, call the library, return a model.

No decisions about order (flows) in here.
"""
