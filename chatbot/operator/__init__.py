"""The operator's page: documents in and out, rebuilt, compared, published, without a command line.

An application of its own on its own port, behind a password (`serve`); the public page's process imports none of it.
"""
