// Runs behind the test, called with the settings: prints the results as one line, when they are complete or the
// time is over. Outside of a browser testharness.js has no limit of its own.
(function (settings) {
    "use strict";

    const log = console.log.bind(console);
    const stringify = JSON.stringify.bind(JSON);
    const timer = setTimeout(timeout, settings.limit * 1000);
    const harness = ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"];
    const subtest = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];

    add_completion_callback((tests, status) => {
        clearTimeout(timer);
        log(settings.mark + stringify({
            status: harness[status.status],
            message: status.message,
            subtests: tests.map((test) => ({
                name: test.name,
                status: subtest[test.status],
                message: test.message,
            })),
        }));
    });
})
