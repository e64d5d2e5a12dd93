package sweep

import (
	"slices"
	"strings"
)

// texts are tried in every field that takes a text, of any meaning: a value of another field
// is the commonest mistake.
var texts = slices.Concat(plain, hosts, paths, headers, durations, formats, numbers, unicodes, controls, lengths())

// plain texts, and those with a meaning of their own in YAML, JSON or labels.
var plain = []string{
	"", "a", "A", "a-b", "a_b", "a.b", "-a", "a-", ".a", "a.", "a/b", "a:b", "a,b", "a;b", "a=b", "a b", " a", "a ", "a@b", "a|b", `a\b`,
	"*", "**", "null", "true", "~", "{}", "[]", `"a"`, "'a'", "GET", "get", "System", "Service", "Exact", "None",
}

// hosts are names, addresses and origins.
var hosts = []string{
	"a.test", "A.TEST", "*.a.test", "*.*.a.test", "a.*.test", "*a.test", "*.test", "a..test", ".a.test", "a.test.", "-a.test", "a_b.test",
	"xn--bcher-kva.test", "xn--a", "a.test:80", "localhost", "1.2.3.4", "0.0.0.0", "255.255.255.255", "1.2.3", "::1", "[::1]",
	"fe80::1%1", "1.2.3.4/8",
	"http://a.test", "https://a.test:8443", "https://*.a.test", "https://*", "http://a.test/", "http://a.test:99999", "http://user@a.test",
	"a://b", "spiffe://a.test/b", "spiffe://", "urn:a:b", "mailto:a@b.test",
}

// paths with what RFC 3986 and proxies treat apart.
var paths = []string{
	"/", "//", "/a", "/a/", "/a//b", "/a/./b", "/a/../b", "/..", "/.", "/...", "/a?b", "/a?b=c", "/a#b", "/a b", "/a%20b", "/%7Ejoe",
	"/a%2Db", "/%2d",
	"/x%2Ey", "/%2e%2e/a", "/a%2Fb", "/a%2fb", "/a%5Cb", `/a\b`, "/%", "/%4", "/%zz", "/%00", "/%0a", "/a;b=c", "/a,b", "/a:b", "/@a",
	"/{a}", "/{a=*}",
	"/{a=**}", "/*", "/**", "/a*", "/api/*", "/a|b", "/a^b", "/a`b", `/a"b`, "/<a>", "/[a]", "/(a)", "/a+b", "/a$", "/^a", "/a.b", "/~a",
	"/!a",
	"a/b.C/D", "/a.B/C", "/a/b/c/d/e/f/g/h/i/j",
}

// headers are names that HTTP or Envoy treat apart, and values of them.
var headers = []string{
	"host", "Host", ":authority", ":path", ":method", ":status", "content-length", "Transfer-Encoding", "connection", "te", "upgrade",
	"expect",
	"x-forwarded-for", "x-forwarded-proto", "x-envoy-original-path", "x-envoy-retry-on", "x-request-id", "x-gw-host", "set-cookie",
	"server", "date",
	"grpc-timeout", "authorization", "x!#$%&'*+.^`|~", "x(a)", "x a", "chunked", "a=b; c=d", `W/"a"`,
}

// durations of the Gateway API, of Go, and of neither.
var durations = []string{
	"0s", "0ms", "0h0m0s0ms", "1ms", "999ms", "1s", "10s", "1m", "10m", "1h", "24h", "99999h", "99999h99999m99999s99999ms", "1h2m3s4ms",
	"4ms3s", "1h1h",
	"99999h99999h99999h99999h", "1.5s", "-1s", "+1s", "1d", "1us", "1ns", "1µs", "1", "0", "1 s", "s", "00001s", "100000s",
	"2562047h47m16s", "2562048h",
	"87600h", "315576000000s",
}

// formats are substitutions of Envoy, of shells, of regular expressions and of templates.
var formats = []string{
	"%", "%%", "%a", "%REQ(x-a)%", "%REQ(:path)%", "%ENVIRONMENT(HOME)%", "%FILE(/etc/passwd)%", "%DYNAMIC_METADATA(a:b)%",
	"%DOWNSTREAM_TLS_VERSION%",
	"%START_TIME(%s)%", "%UNKNOWN%", "%REQ(", "100%", "50%%", "${a}", "$(a)", "$a", `\1`, `\0`, `\\`, "{{a}}", "{a}", "a$b", "\\u0000",
}

// numbers as texts.
var numbers = []string{
	"-1", "80", "443", "65535", "65536", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "1e3", "1e400",
	"0x10", "010", "1_000",
	"NaN", "Inf", "0.5", "-0", "1.0", "100m", "1Gi", "1,5",
}

// unicodes are letters beyond ASCII, and what is not seen.
var unicodes = []string{
	"ü", "/ü", "bücher.test", "日本", "/日本", "🙂", "e\u0301", "\u00a0", "\u200b", "\ufeff", "\u202e", "\u2028", "\ufffd", "\u0130", "ß",
	"ﬀ", "\U0010ffff", "\ue000",
}

// controls are characters that end lines, texts and headers.
var controls = []string{
	"\x00", "a\x00b", "\n", "a\nb", "a\r\nb: c", "\r", "\t", "a\tb", "\x1b[31m", "\x7f", "a\x7fb", "\u0080", "\u0085", "/a\x00", "/a\nb",
	"\v", "\f", "\b",
}

// lengths are texts about as long as limits of DNS, HTTP and Envoy.
func lengths() (long []string) {
	for _, length := range []int{63, 64, 253, 254, 4096, 8192, 16384, 16385} {
		long = append(long, strings.Repeat("a", length))
	}
	label := strings.Repeat("a", 62) + "."
	return append(long,
		strings.Repeat(label, 4)[:251]+"a", strings.Repeat(label, 5)[:253], "/"+strings.Repeat("a/", 511)+"a", "/"+strings.Repeat("a/", 512),
		strings.Repeat("a.", 126)+"a", strings.Repeat("%41", 300), strings.Repeat("ü", 126), strings.Repeat("/a", 8193),
	)
}

// grown are texts made of a valid one: what a slip of a finger makes of it, and of what it means.
func grown(valid string) []string {
	if valid == "" {
		return nil
	}
	last := valid[len(valid)-1:]
	made := []string{
		strings.ToUpper(valid), strings.ToLower(valid), valid + valid, valid[:len(valid)-1], valid[1:], last + valid, valid + "/",
		valid + ".", valid + "*",
	}
	for _, odd := range []string{" ", "\t", "\n", "\x00", "%", "%20", "%41", "%2e", "ü", "\u200b", ",", ";", ":", "?", "#", "\\", "\"",
		"'", "{", "}", "|", "(", "["} {
		made = append(made, valid+odd, odd+valid, valid[:1]+odd+valid[1:])
	}
	return made
}

// ofLength is a text of that many characters that begins with a valid one.
func ofLength(valid string, length int64) string {
	if int64(len(valid)) > length {
		return valid[:length]
	}
	return valid + strings.Repeat("a", int(length)-len(valid))
}
