// JavaScriptCore's C API, as WebKitGTK's library has it. Apple's framework has a module of its own.

#if __has_include(<JavaScriptCore/JavaScript.h>)
#include <JavaScriptCore/JavaScript.h>

// Two functions that the library exports and that its public headers leave out.

/// Has `function` called, with the promise and the reason, for each promise that was rejected and that nobody has
/// handled when the microtasks have run.
void JSGlobalContextSetUnhandledRejectionCallback(
    JSGlobalContextRef context,
    JSObjectRef function,
    JSValueRef *exception
);

/// Collects garbage now; JSGarbageCollect only asks for it.
void JSSynchronousGarbageCollectForDebugging(JSContextRef context);
#endif
