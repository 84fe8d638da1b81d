"""The operator's commands as functions: they make a bureau, maintain it and check it, outside
the path of requests.
"""
