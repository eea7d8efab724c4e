"""What ran is said at the end, by which program."""


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("passed", []):
        for name, text in report.user_properties:
            if name == "ran":
                terminalreporter.write_line(text)
