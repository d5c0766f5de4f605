// URL and URLSearchParams.
(function () {
    "use strict";

    const names = [
        "href", "origin", "protocol", "username", "password",
        "host", "hostname", "port", "pathname", "search", "hash",
    ];
    const parts = (url) => names.map((name) => url[name]);

    check("a URL has its parts", () => {
        same(parts(new URL("wss://me:secret@EXAMPLE.org:8443/a/./b/../c?q=ü#end")), [
            "wss://me:secret@example.org:8443/a/c?q=%C3%BC#end", "wss://example.org:8443",
            "wss:", "me", "secret",
            "example.org:8443", "example.org", "8443", "/a/c", "?q=%C3%BC", "#end",
        ]);
        same(new URL("x", "https://a.b/c/d").href, "https://a.b/c/x");
        same(new URL({ toString: () => "ws://x" }).href, "ws://x/");
        same(new URL("ws://x/\ud800").pathname, "/%EF%BF%BD");
    });

    check("what is no URL is a TypeError, and can be asked for", () => {
        throws("TypeError", () => new URL());
        throws("TypeError", () => new URL("relative"));
        throws("TypeError", () => new URL("/x", "also relative"));
        throws("TypeError", () => URL("ws://x"));
        same([URL.canParse("relative"), URL.canParse("relative", "ws://x")], [false, true]);
        same(URL.parse("relative"), null);
        same(URL.parse("y", "ws://x").href, "ws://x/y");
        same([URL.length, URL.parse.length, URL.canParse.length], [1, 1, 1]);
    });

    check("parts can be set", () => {
        const url = new URL("http://example.org/");
        url.protocol = "ws";
        url.username = "me";
        url.password = "p w";
        url.host = "other:81";
        url.pathname = "a b";
        url.search = "x=1";
        url.hash = "end";
        same(url.href, "ws://me:p%20w@other:81/a%20b?x=1#end");
        url.port = "";
        url.hostname = "third";
        url.hash = "";
        same(`${url}`, "ws://me:p%20w@third/a%20b?x=1");
        same(JSON.stringify(url), JSON.stringify(url.href));
        url.port = "none";
        same(url.host, "third");
        url.href = "https://new.example/";
        same(url.origin, "https://new.example");
        throws("TypeError", () => { url.href = "none"; });
        throws("TypeError", () => { url.origin = "x"; });
        same(Object.getOwnPropertyDescriptor(URL.prototype, "hash").enumerable, true);
    });

    check("a URL and its parameters follow each other", () => {
        const url = new URL("ws://x/?a=1&b=2");
        const params = url.searchParams;
        same(url.searchParams, params);
        params.append("c", "ä b");
        same(url.search, "?a=1&b=2&c=%C3%A4+b");
        params.delete("a");
        params.delete("b");
        params.delete("c");
        same(url.href, "ws://x/");
        url.search = "?d=4";
        same([...params], [["d", "4"]]);
        url.href = "ws://y/?e=5";
        same(params.get("e"), "5");
    });

    check("parameters are made of text, pairs and records", () => {
        same(new URLSearchParams("?a=1&b=%2B+&a=2").toString(), "a=1&b=%2B+&a=2");
        same(new URLSearchParams([["a", 1], ["b", null]]).toString(), "a=1&b=null");
        same(new URLSearchParams({ a: 1, "b c": "d&" }).toString(), "a=1&b+c=d%26");
        same(new URLSearchParams(new URLSearchParams("x=y")).toString(), "x=y");
        same(new URLSearchParams().size, 0);
        throws("TypeError", () => new URLSearchParams([["a"]]));
        throws("TypeError", () => new URLSearchParams([1]));
    });

    check("parameters can be asked, changed, sorted and walked", () => {
        const params = new URLSearchParams("b=1&a=2&b=3");
        same([params.get("b"), params.get("none"), params.getAll("b"), params.has("a"), params.has("a", "3")],
            ["1", null, ["1", "3"], true, false]);
        params.set("b", "new");
        same(params.toString(), "b=new&a=2");
        params.append("a", "1");
        params.sort();
        same([...params.keys()], ["a", "a", "b"]);
        same([...params.values()], ["2", "1", "new"]);
        params.delete("a", "2");
        const seen = [];
        params.forEach(function (value, key, all) {
            seen.push([value, key, all === params, this.x]);
        }, { x: 1 });
        same(seen, [["1", "a", true, 1], ["new", "b", true, 1]]);
        same(params.entries, params[Symbol.iterator]);
        same(Object.prototype.toString.call(params.keys()), "[object URLSearchParams Iterator]");
        throws("TypeError", () => params.append("x"));
        throws("TypeError", () => params.forEach(1));
        throws("TypeError", () => URLSearchParams.prototype.get.call({}, "x"));
    });
})();
