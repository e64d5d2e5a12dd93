package attack

import "strings"

// target is a request with any target and any lines of headers.
func target(target string, headers ...string) string {
	return "GET " + target + " HTTP/1.1\r\nConnection: close\r\nX-Mark: {mark}\r\n" + joined(headers) + "\r\n"
}

// hosts are requests that say two hosts, or one that two parsers read differently.
var hosts = []raw{
	{name: "two hosts", bytes: target("/", "Host: mine.test", "Host: victim.test")},
	{name: "two hosts, the victim first", bytes: target("/", "Host: victim.test", "Host: mine.test")},
	{name: "host folded", bytes: target("/", "Host: mine.test\r\n victim.test")},
	{name: "host before a space and a colon", bytes: target("/", "Host : victim.test", "Host: mine.test")},
	{name: "no host", bytes: target("/")},
	{name: "no host, and the key of a table", bytes: target("/", "X-Gw-Host: victim.test")},
	{name: "empty host, and the key of a table", bytes: target("/", "Host:", "x-gw-host: victim.test")},
	{name: "list of hosts", bytes: target("/", "Host: mine.test, victim.test"), want: either},
	{name: "hosts and a space", bytes: target("/", "Host: mine.test victim.test"), want: either},
	{name: "hosts and a tab", bytes: target("/", "Host: victim.test\tmine.test"), want: either},
	{name: "user information of the victim", bytes: target("/", "Host: victim.test@mine.test")},
	{name: "user information of mine", bytes: target("/", "Host: mine.test@victim.test")},
	{name: "user and password", bytes: target("/", "Host: mine.test:80@victim.test"), want: either},
	{name: "fragment in the host", bytes: target("/", "Host: victim.test#mine.test")},
	{name: "slash in the host", bytes: target("/", "Host: victim.test/mine.test")},
	{name: "backslash in the host", bytes: target("/", "Host: victim.test\\mine.test")},
	{name: "query in the host", bytes: target("/", "Host: victim.test?mine.test")},
	{name: "host in brackets", bytes: target("/", "Host: [victim.test]")},
	{name: "port of letters", bytes: target("/", "Host: mine.test:victim.test"), want: either},
	{name: "two ports", bytes: target("/", "Host: mine.test:80:victim.test"), want: either},
	{name: "dot before the host", bytes: target("/", "Host: .victim.test"), want: refused},
	{name: "two dots behind the host", bytes: target("/", "Host: victim.test..")},
	{name: "letters before the host", bytes: target("/", "Host: notvictim.test")},
	{name: "the victim's host within mine", bytes: target("/", "Host: victim.test.mine.test"), want: harmless,
		check: hostIs("victim.test.mine.test")},
	{name: "host with an escape", bytes: target("/", "Host: victim%2etest")},
	{name: "host with a full stop beyond ASCII", bytes: target("/", "Host: victim\xe3\x80\x82test")},
	{name: "host with a NUL", bytes: target("/", "Host: victim.test\x00.mine.test")},
	{name: "host with a control character", bytes: target("/", "Host: victim.test\x0b")},
	{name: "star as host", bytes: target("/", "Host: *")},
	{name: "wildcard as host", bytes: target("/", "Host: *.victim.test@mine.test")},
	{name: "address as host", bytes: target("/", "Host: 127.0.0.1")},
	{name: "very long host", bytes: target("/", "Host: "+strings.Repeat("a.", 1<<14)+"mine.test"), want: either},
	{name: "host in capitals, with port and dot", bytes: target("/", "Host: MINE.test.:8080"), want: harmless},

	{name: "absolute target of mine", bytes: target("http://mine.test/", "Host: victim.test"), want: harmless, check: hostIs(mineHost)},
	{name: "absolute target, two hosts", bytes: target("http://mine.test/", "Host: victim.test", "Host: mine.test"), want: either},
	{name: "absolute target with user information", bytes: target("http://victim.test@mine.test/", "Host: mine.test"), want: either},
	{name: "absolute target with a backslash", bytes: target("http://mine.test\\@victim.test/", "Host: mine.test"), want: either},
	{name: "absolute target without a host", bytes: target("http:///", "Host: victim.test"), want: refused},
	{name: "absolute target of a file", bytes: target("file:///etc/passwd", "Host: mine.test"), want: either},
	{name: "absolute target of another scheme", bytes: target("ftp://victim.test/", "Host: mine.test"), want: either},
	{name: "target without a slash", bytes: target("victim.test/", "Host: mine.test"), want: refused},
	{name: "target with an at sign", bytes: target("@victim.test/", "Host: mine.test"), want: refused},
	{name: "target with two slashes", bytes: target("//victim.test/", "Host: mine.test"), want: harmless, check: hostIs(mineHost)},
	{name: "target of a star", bytes: strings.Replace(target("*", "Host: mine.test"), "GET", "OPTIONS", 1), want: either},
	{name: "empty target", bytes: target("", "Host: mine.test")},

	{name: "CONNECT to the victim", bytes: "CONNECT victim.test:80 HTTP/1.1\r\nHost: victim.test:80\r\nX-Mark: {mark}\r\n\r\n" + hidden},
	{name: "CONNECT to the loopback", bytes: "CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: mine.test\r\nX-Mark: {mark}\r\n\r\n" + hidden},
	{name: "CONNECT with a path", bytes: "CONNECT /x HTTP/1.1\r\nHost: mine.test\r\nX-Mark: {mark}\r\n\r\n" + hidden},

	{name: "SNI of mine, Host of the victim", over: mineHost, bytes: target("/", "Host: victim.test")},
	{name: "SNI of mine, Host of the victim in capitals", over: mineHost, bytes: target("/", "Host: VICTIM.test.")},
	{name: "SNI of mine, absolute target", over: mineHost, bytes: target("http://victim.test/", "Host: mine.test")},
	{name: "SNI of the victim, Host of mine", over: victimHost, bytes: target("/", "Host: mine.test")},
	{name: "SNI of mine, key of another chain", over: mineHost,
		bytes: target("/", "Host: mine.test", "X-Gw-Chain: victim.test", "X-Gw-Host: victim.test"),
		want:  harmless, check: lacks("x-gw-chain", "x-gw-host")},
}

// headers are what clients say that is not for them to say.
var headers = []raw{
	{name: "key of a table", bytes: request("mine.test", "x-gw-host: victim.test", "X-Gw-Chain: x"), want: harmless,
		check: lacks("x-gw-host", "x-gw-chain")},
	{name: "key of a table, twice", bytes: request("mine.test", "x-gw-host: victim.test", "x-gw-host: victim.test"), want: harmless,
		check: lacks("x-gw-host")},
	{name: "key of a table on a wildcard", bytes: request("a.mine.test", "x-gw-host: victim.test"), want: harmless, check: lacks("x-gw-host")},
	{name: "key of the wildcard table", bytes: request("mine.test", "x-gw-host: *"), want: harmless, check: lacks("x-gw-host")},
	{name: "another host as forwarded", bytes: request("mine.test", "X-Forwarded-Host: victim.test", "Forwarded: host=victim.test",
		"X-Host: victim.test", "X-Original-Host: victim.test"), want: harmless, check: hostIs(mineHost)},
	{name: "another path as rewritten", bytes: request("mine.test", "X-Original-URL: /admin", "X-Rewrite-URL: /admin"), want: harmless,
		check: func(e echoed) string { return differs(e.Path, "/"+markOf("headers another path as rewritten")) }},
	{name: "original destination", bytes: request("mine.test", "x-envoy-original-dst-host: 127.0.0.1:1"), want: harmless,
		check: lacks("x-envoy-original-dst-host")},
	{name: "retries and limits of Envoy", bytes: request("mine.test", "x-envoy-max-retries: 1000", "x-envoy-retry-on: 5xx",
		"x-envoy-upstream-rq-timeout-ms: 0", "x-envoy-hedge-on-per-try-timeout: true", "x-envoy-upstream-alt-stat-name: {mark}"), want: harmless,
		check: lacks("x-envoy-max-retries", "x-envoy-retry-on", "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-alt-stat-name")},
	{name: "peer metadata",
		bytes: request("mine.test", "x-envoy-peer-metadata: AAAA", "x-envoy-peer-metadata-id: x", "x-envoy-internal: true"),
		want:  harmless, check: lacks("x-envoy-peer-metadata", "x-envoy-peer-metadata-id", "x-envoy-internal")},
	{name: "certificate of a client", bytes: request("mine.test", "x-forwarded-client-cert: By=a;Subject=\"CN=admin\""), want: harmless,
		check: lacks("x-forwarded-client-cert")},
	{name: "words of the hold", bytes: request("mine.test", "x-kedify-backend: service/shop/web/80", "x-kedify-demand: shop/web",
		"x-kedify-limit: 1", "X-KEDA-HTTP-Cold-Start: true"), want: harmless},
	{name: "hop by hop host", bytes: request("mine.test", "Connection: Host, X-Forwarded-For, X-Gw-Host"), want: either,
		check: hostIs(mineHost)},
	{name: "hop by hop address", bytes: request("mine.test", "Connection: close, X-Forwarded-For, X-Envoy-External-Address"), want: either,
		check: func(e echoed) string {
			if e.Headers.Get("X-Forwarded-For") == "" || e.Headers.Get("X-Envoy-External-Address") == "" {
				return "the address of the client is gone"
			}
			return ""
		}},
	{name: "protocol as forwarded", bytes: request("mine.test", "X-Forwarded-Proto: https", "X-Forwarded-Proto: gopher"), want: either,
		check: func(e echoed) string { return differs(e.Headers.Get("X-Forwarded-Proto"), "http") }},

	{name: "upgrade to h2c",
		bytes: request("mine.test", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA") +
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: either, check: lacks("upgrade", "http2-settings")},
	{name: "upgrade to TLS", bytes: request("mine.test", "Connection: Upgrade", "Upgrade: TLS/1.2"), want: harmless, check: lacks("upgrade")},
	{name: "request behind an upgrade that is not taken", bytes: "GET /post HTTP/1.1\r\nHost: mine.test\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + hidden, want: unseen},
	{name: "request behind an upgrade to two", bytes: "GET /post HTTP/1.1\r\nHost: mine.test\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket, h2c\r\n\r\n" + strings.ReplaceAll(hidden, victimHost, mineHost), want: unseen},

	{name: "many headers", bytes: request("mine.test", strings.Repeat("X-A: b\r\n", 5000)+"X-A: b")},
	{name: "a large header", bytes: request("mine.test", "X-A: "+strings.Repeat("a", 100<<10))},
	{name: "a large name", bytes: request("mine.test", strings.Repeat("a", 100<<10)+": a")},
	{name: "a large target", bytes: target("/"+strings.Repeat("{mark}", 1<<14), "Host: mine.test")},
	{name: "a large query", bytes: target("/?"+strings.Repeat("a&", 1<<16), "Host: mine.test")},
	{name: "a large method", bytes: strings.Repeat("A", 100<<10) + " /{mark} HTTP/1.1\r\nHost: mine.test\r\n\r\n"},
	{name: "headers without end",
		bytes: "GET /{mark} HTTP/1.1\r\nHost: mine.test\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 2000)},

	{name: "a line of the log",
		bytes: target("/{mark}%0a%7b%22forged%22:1%7d", "Host: mine.test", "User-Agent: \"}\\n{\"forged\": 1"), want: harmless},
	{name: "quotes in the log", bytes: target("/{mark}\",\"forged\":\"1", "Host: mine.test", "User-Agent: a\",\"forged\":\"1"), want: either},
	{name: "bytes beyond ASCII in the log",
		bytes: target("/{mark}", "Host: mine.test", "User-Agent: \xff\xfe\xe2\x80\xa8{\"forged\":1}"), want: either},
	{name: "formats in the log",
		bytes: target("/{mark}%25REQ(:authority)%25", "Host: mine.test", "User-Agent: %ENVIRONMENT(HOME)%\tforged"), want: harmless},
	{name: "escapes of a terminal in the log", bytes: target("/{mark}", "Host: mine.test", "User-Agent: \x1b[2Jforged"), want: refused},
	{name: "an address in the log", bytes: target("/{mark}", "Host: mine.test", "X-Forwarded-For: 10.0.0.1\",\"forged\":\"1"), want: harmless},
}

func differs(got, want string) string {
	if got != want {
		return "got " + got + ", want " + want
	}
	return ""
}
