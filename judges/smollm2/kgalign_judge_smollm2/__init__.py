"""The adapter of kgalign's builtin judge, in the folder ``adapter``; kgalign finds it by this name."""
