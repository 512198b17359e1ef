"""The real services our tests run against: private, on free ports of 127.0.0.1, and gone when the tests are.

Each module is one rig and stands alone; tests/conftest.py hands them out as fixtures.
"""
