"""``python -m bench compare``: does a judge of one's own help?"""
