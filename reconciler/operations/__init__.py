"""Operations: one function for each thing that someone can ask for.

Every door (command line, web, jobs) parses, calls one operation and presents its value. Operations take
values and ports, report through the observer, return a value and raise `ElmifyError`. The rules that keep
listeners safe are here or below, so that no door can forget one.
"""
