package translate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// spellings are the ways in which a request may spell "/p", a byte and "q".
func spellings(c byte) []string {
	all := []string{fmt.Sprintf("/p%%%02Xq", c), fmt.Sprintf("/p%%%02xq", c)}
	if form := check.NormalPath(all[0]); form != all[0] {
		all = append(all, form)
	}
	return all
}

// TestG3SpellingsOfAPath: whichever way a rule and a request spell a path, they mean the same. Every
// byte stands in an exact path and in a prefix, on every kind of host, in a list of rules and in a tree.
func TestG3SpellingsOfAPath(t *testing.T) {
	w := newWorld(t)
	var rules []ir.Route
	for c := 1; c < 256; c++ {
		path := check.NormalPath(spellings(byte(c))[0])
		say := func(kind string) *ir.Respond {
			return &ir.Respond{StatusCode: 200, Body: fmt.Sprintf("%s %02X", kind, c)}
		}
		rules = append(rules, route("exact", exactPath(path), say("exact")), route("prefix", prefix(path+"/below"), say("prefix")))
	}
	list := append(rules[:0:0], rules[2*0x20:2*0x30]...) // some that are encoded
	list = append(list, rules[2*0x78:2*0x80]...)         // "y" to "~"
	list = append(list, rules[2*0xc0:2*0xc4]...)         // two spellings
	hosts := w.everywhere(rules...)
	w.host("list.test", list...)
	w.apply()
	ask := func(host, path, want string) {
		t.Helper()
		if out := w.do(ask{host: host, path: path}); out.status != 200 || out.text != want {
			t.Errorf("%s%s: %d %q, want %q", host, path, out.status, out.text, want)
		}
	}
	for c := 1; c < 256; c++ {
		for _, path := range spellings(byte(c)) {
			for _, host := range hosts {
				ask(host, path, fmt.Sprintf("exact %02X", c))
				ask(host, path+"/below", fmt.Sprintf("prefix %02X", c))
				ask(host, path+"/below/this?q=%20", fmt.Sprintf("prefix %02X", c))
			}
		}
	}
	for _, c := range []byte{0x21, 0x2e, 0x2f, 0x79, 0x7f, 0xc2} {
		for _, path := range spellings(c) {
			ask("list.test", path, fmt.Sprintf("exact %02X", c))
			ask("list.test", path+"/below/this", fmt.Sprintf("prefix %02X", c))
		}
	}
}

// TestG3PrefixesOfRewrites: a prefix is replaced whichever way a request spells it, and no more than
// the prefix.
func TestG3PrefixesOfRewrites(t *testing.T) {
	w := newWorld(t)
	key := w.service("backend")
	part := func(value string) *ir.PathRewrite { return &ir.PathRewrite{Prefix: true, Value: value} }
	rewritten := func(value string) *ir.Forward {
		f := to(key)
		f.Filters.Rewrite = &ir.Rewrite{Path: part(value)}
		return f
	}
	match := func(path string) ir.Match { return prefix(check.NormalPath(path)) }
	hosts := w.everywhere(
		route("root", match("/caf%c3%a9/gone"), rewritten("/")), route("moved", match("/caf%C3%A9/old"), rewritten(`/n\1ew`)),
		route("tilde", match("/%7Ejoe"), rewritten("/joe")),
		route("redirect", match("/caf%C3%A9/there"), &ir.Redirect{Hostname: "o.test", Port: 80, Path: part("/here")}),
		route("redirect-root", match("/caf%C3%A9/away"), &ir.Redirect{Hostname: "o.test", Port: 80, Path: part("/")}),
	)
	w.apply()
	for _, host := range hosts {
		for path, want := range map[string]string{
			"/caf%C3%A9/gone": "/", "/caf%c3%a9/gone/a?b": "/a?b", "/caf%C3%a9/old": `/n\1ew`,
			"/caf%c3%A9/old/caf%c3%a9/old": `/n\1ew/caf%c3%a9/old`,
			"/~joe/a":                      "/joe/a", "/%7ejoe": "/joe",
		} {
			if out := w.do(ask{host: host, path: path}); out.status != 200 || !strings.EqualFold(strings.ReplaceAll(out.Path, "%5C", `\`), want) {
				t.Errorf("%s%s: %d, the backend sees %s, want %s", host, path, out.status, out.Path, want)
			}
		}
		for path, want := range map[string]string{
			"/caf%c3%a9/there/a?b": "http://o.test/here/a?b", "/caf%C3%A9/there": "http://o.test/here", "/caf%c3%a9/away/a": "http://o.test/a",
			"/caf%C3%A9/away": "http://o.test/",
		} {
			if out := w.do(ask{host: host, path: path}); out.status != 302 || out.header.Get("Location") != want {
				t.Errorf("%s%s: %d %s, want %s", host, path, out.status, out.header.Get("Location"), want)
			}
		}
		for _, path := range []string{"/caf%C3%A9/oldest", "/caf%c3%aa/old", "/cafC3A9/old", "/%7Ejoey"} {
			if out := w.do(ask{host: host, path: path}); out.status != 404 {
				t.Errorf("%s%s: %d", host, path, out.status)
			}
		}
	}
}

// TestG11QueriesAsTheyStand: a parameter is compared as it stands in the URL, with all that may stand
// there.
func TestG11QueriesAsTheyStand(t *testing.T) {
	w := newWorld(t)
	values := []string{"a%20b", "a+b", "100%25", "v1/models", "a=b", "%C3%A9", "a,b;c:d@e?f", "!$'()*-._~", "100%", `"<>[]^{|}\` + "`"}
	var rules []ir.Route
	for _, value := range values {
		m := prefix("/")
		m.Query = []ir.ValueMatch{{Name: "t+a%20g", Value: value}}
		rules = append(rules, route(value, m, &ir.Respond{StatusCode: 200, Body: value}))
	}
	hosts := w.everywhere(rules...)
	w.apply()
	for _, host := range hosts {
		for _, value := range values {
			out := w.raw("GET /?x=1&t+a%20g=" + value + "&y HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
			if out.status != 200 || out.text != value {
				t.Errorf("%s: %q: %d %q", host, value, out.status, out.text)
			}
		}
	}
}

// TestG11HeadersOfAConnection: what a client says about its connection is seen by rules as check.Unseen has it.
func TestG11HeadersOfAConnection(t *testing.T) {
	w := newWorld(t)
	type header struct{ name, value, also string }
	headers := []header{
		{"connection", "close", ""}, {"connection", "keep-alive, Upgrade", "Upgrade: websocket"}, {"connection", "upgrade", "Upgrade: foo"},
		{"upgrade", "WebSocket", "Connection: Upgrade"}, {"upgrade", "foo", "Connection: Upgrade"}, {"te", "gzip", ""}, {"te", "trailers", ""},
		{"expect", "100-continue", ""}, {"content-length", "0", ""},
	}
	var rules []ir.Route
	for _, h := range headers {
		m := prefix("/")
		m.Headers = []ir.ValueMatch{{Name: h.name, Value: h.value}}
		rules = append(rules, route(h.name+": "+h.value, m, &ir.Respond{StatusCode: 201}))
	}
	hosts := w.everywhere(rules...)
	w.apply()
	for _, host := range hosts {
		for _, h := range headers {
			lines := h.name + ": " + h.value + "\r\n"
			if h.also != "" {
				lines += h.also + "\r\n"
			}
			want := 201
			if check.Unseen(h.name, h.value) || strings.HasSuffix(h.also, "foo") {
				want = 404
			}
			out := w.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n")
			if h.name == "expect" { // the client waits for 100, and for the answer
				out = w.do(ask{host: host, method: "POST", body: "x", headers: map[string]string{h.name: h.value}})
			}
			if out.status != want {
				t.Errorf("%s with %s: %s: %d, want %d", host, h.name, h.value, out.status, want)
			}
		}
	}
}
