def measure(tests, serving, out):
    return 1
