"""The operator's office: what makes a bureau, looks after it and checks it, from
outside the path of requests.
"""
