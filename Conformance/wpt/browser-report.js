// In place of the suite's testharnessreport.js when a page runs in a browser: posts the results, and goes on to the
// page that comes in return. Called with the URL to post to.
(function (control) {
    "use strict";

    const harness = ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"];
    const subtest = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];

    setup({ output: false });
    add_completion_callback(async (tests, status) => {
        const answer = await fetch(control, {
            method: "POST",
            body: JSON.stringify({
                url: location.pathname.slice(1) + location.search,
                status: harness[status.status],
                message: status.message,
                subtests: tests.map((test) => ({
                    name: test.name,
                    status: subtest[test.status],
                    message: test.message,
                })),
            }),
        });
        location.replace(await answer.text());
    });
})
