package translate_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

const modelHeader = "X-Gateway-Model-Name"

// forModel is a match of a path prefix and a model.
func forModel(path, name string) ir.Match {
	match := prefix(path)
	match.Model = ir.ModelMatch{Value: name}
	return match
}

// chat is a request for a completion, of some bytes at least.
func chat(model string, bytes int) string {
	return fmt.Sprintf(`{"messages": [{"role": "user", "content": "%s \"quoted\" \\"}], "model": %q}`, strings.Repeat("a ", bytes/2), model)
}

// modelRules lead to red for model red, to blues for models that begin with blue, and to rest for everything else.
func (w *world) modelRules() []ir.Route {
	blues := prefix("/v1")
	blues.Model = ir.ModelMatch{Value: "blue.*", Regex: true}
	return []ir.Route{
		route("red", forModel("/v1", "red"), to(w.service("red"))),
		route("blues", blues, to(w.service("blues"))),
		route("rest", prefix("/"), to(w.service("rest"))),
	}
}

// TestModelsByBody: what a body asks for decides, on every kind of host, and no header of a client.
func TestModelsByBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hosts := w.everywhere(w.modelRules()...)
	w.apply()
	json := "application/json"
	for name, c := range map[string]struct{ kind, body, want, model string }{
		"first":                  {json, `{"model":"red","messages":[{"content":"hi"}]}`, "red", "red"},
		"last":                   {json, chat("red", 10), "red", "red"},
		"expression":             {json, chat("blue-8b", 10), "blues", "blue-8b"},
		"another":                {json, chat("green", 10), "rest", "green"},
		"prefix is not enough":   {json, chat("red-2", 10), "rest", "red-2"},
		"1 KiB":                  {json, chat("red", 1<<10), "red", "red"},
		"64 KiB":                 {json, chat("red", 64<<10), "red", "red"},
		"1 MiB":                  {json, chat("red", 1<<20), "red", "red"},
		"12 MiB":                 {json, chat("red", 12<<20), "red", "red"},
		"charset":                {json + "; charset=utf-8", chat("red", 10), "red", "red"},
		"capitals":               {"Application/JSON ; charset=utf-8", chat("red", 10), "red", "red"},
		"suffix":                 {"application/vnd.api+json", chat("red", 10), "red", "red"},
		"none":                   {"", chat("red", 10), "red", "red"},
		"text":                   {"text/plain", chat("red", 10), "rest", ""},
		"form":                   {"application/x-www-form-urlencoded", "model=red", "rest", ""},
		"two keys":               {json, `{"model":"blue","model":"red"}`, "red", "red"},
		"two keys, one no text":  {json, `{"model":"red","model":1}`, "rest", ""},
		"escaped key":            {json, `{"mod\u0065l":"red"}`, "red", "red"},
		"escaped value":          {json, `{"model":"r\u0065d"}`, "red", "red"},
		"escaped slash":          {json, `{"model":"blue\/8b"}`, "blues", "blue/8b"},
		"nested":                 {json, `{"a":{"model":"red"},"b":["model","red"]}`, "rest", ""},
		"value that is the key":  {json, `{"a":"model","b":"red"}`, "rest", ""},
		"quotes in a value":      {json, `{"a":"\",\"model\":\"red","model":"blue"}`, "blues", "blue"},
		"number":                 {json, `{"model":7}`, "rest", ""},
		"null":                   {json, `{"model":null}`, "rest", ""},
		"object":                 {json, `{"model":{"red":1}}`, "rest", ""},
		"empty":                  {json, `{"model":""}`, "rest", ""},
		"empty object":           {json, ` { } `, "rest", ""},
		"array":                  {json, `["model","red"]`, "rest", ""},
		"cut":                    {json, `{"model":"red"`, "rest", ""},
		"no JSON":                {json, `model=red`, "rest", ""},
		"more behind":            {json, `{"model":"red"} {"model":"red"}`, "rest", ""},
		"trailing comma":         {json, `{"model":"red",}`, "rest", ""},
		"nothing":                {json, "", "rest", ""},
		"byte order mark":        {json, "\xef\xbb\xbf" + `{"model":"red"}`, "red", "red"},
		"a line in it":           {json, `{"model":"red\r\nx-evil: 1"}`, "rest", ""},
		"a raw control":          {json, "{\"model\":\"red\x01\"}", "rest", ""},
		"a space at its end":     {json, `{"model":"red "}`, "rest", ""},
		"beyond ASCII":           {json, `{"model":"blue-grün"}`, "rest", ""},
		"beyond ASCII, escaped":  {json, `{"model":"blue-\u00fc"}`, "rest", ""},
		"as long as permitted":   {json, chat("blue"+strings.Repeat("x", check.MaxModelName-4), 1), "blues", "blue" + strings.Repeat("x", check.MaxModelName-4)},
		"longer":                 {json, chat("blue"+strings.Repeat("x", check.MaxModelName-3), 1), "rest", ""},
		"1 MB":                   {json, chat("blue"+strings.Repeat("x", 1<<20), 1), "rest", ""},
		"deep":                   {json, `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `,"model":"red"}`, "red", "red"},
		"many backslashes":       {json, `{"a":"` + strings.Repeat(`\\`, 100_000) + `","model":"red"}`, "red", "red"},
		"a wrong path":           {json, chat("red", 10), "rest", "red"},
		"compressed, as it says": {json, chat("red", 10), "rest", ""},
	} {
		for _, host := range hosts {
			if len(c.body) > 100_000 && host != hosts[0] && host != hosts[2] {
				continue
			}
			path, headers := "/v1/chat/completions", map[string]string{modelHeader: "blue", "x-llm-d-model-name-rewrite": "blue"}
			if c.kind != "" {
				headers["Content-Type"] = c.kind
			}
			switch name {
			case "a wrong path":
				path, c.model = "/v2", "blue" // nothing is read there, and what the client says is the application's
			case "compressed, as it says":
				headers["Content-Encoding"] = "gzip"
			}
			out := w.expect(ask{host: host, path: path, method: http.MethodPost, headers: headers, body: c.body}, 200, c.want)
			if got := out.Headers.Get(modelHeader); got != c.model {
				t.Errorf("%s, %s: the backend sees the model %q, want %q", host, name, got, c.model)
			}
			if out.Body != strings.ToValidUTF8(c.body, "\ufffd") && out.Body != c.body {
				t.Errorf("%s, %s: the backend got %d bytes instead of %d", host, name, len(out.Body), len(c.body))
			}
			if rewrite := out.Headers.Get("x-llm-d-model-name-rewrite"); (rewrite != "") != (path == "/v2") {
				t.Errorf("%s, %s: the backend sees another model for the picker: %q", host, name, rewrite)
			}
		}
	}
	for _, host := range hosts {
		w.expect(ask{host: host, path: "/v1/models", headers: map[string]string{modelHeader: "red", "Content-Type": json}}, 200, "rest")
	}
	if log := w.proxy.Output(); strings.Contains(log, "[warning]") || strings.Contains(log, "[error]") {
		t.Errorf("the proxy complains:\n%s", log)
	}
}

// TestModelsLeaveOthersAlone: what names no model passes while it arrives: gRPC, WebSocket, and uploads of any size.
func TestModelsLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	read := make(chan int, 1)
	slow := w.cluster(ir.Cluster{Key: serviceKey("slow"), Protocol: ir.HTTP1}, server(t, func(out http.ResponseWriter, in *http.Request) {
		n, err := bufio.NewReader(in.Body).Read(make([]byte, 1))
		if err == nil {
			read <- n
		}
		out.WriteHeader(http.StatusOK)
	}))
	hosts := w.everywhere(route("red", forModel("/", "red"), to(w.service("red"))), route("slow", prefix("/slow"), to(slow)),
		route("rest", prefix("/"), to(w.service("rest"))))
	w.apply()
	for _, host := range hosts {
		if got := w.upgradeTo(host, "/", "websocket"); got != "rest:ping" {
			t.Errorf("WebSocket to %s: %q", host, got)
		}
		for _, kind := range []string{"application/octet-stream", "application/grpc", "application/grpc+json"} {
			body, write := io.Pipe()
			request, err := http.NewRequest(http.MethodPost, "http://"+local(w.port)+"/slow", body)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			request.Header.Set("Content-Type", kind)
			answered := make(chan error, 1)
			go func() {
				response, err := client.Do(request)
				if err == nil {
					_ = response.Body.Close()
				}
				answered <- err
			}()
			_, _ = write.Write([]byte("one"))
			select {
			case <-read: // while the body goes on
			case err := <-answered:
				t.Errorf("%s, %s: answered before a byte of the body came: %v", host, kind, err)
			}
			_ = write.Close()
		}
	}
}

// TestModelsAlone: where all rules are for models, what names none is no request that is known.
func TestModelsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hosts := w.everywhere(route("red", forModel("/v1", "red"), to(w.service("red"))))
	w.apply()
	headers := map[string]string{"Content-Type": "application/json"}
	for _, host := range hosts {
		for body, want := range map[string]int{
			`{"model":"red"}`: 200, `{"model":"blue"}`: 404, `{}`: 404, ` [1.5e3, "a", {"b": null}] `: 404, "true": 404, `{"a":false}`: 404,
			`{"model":`: 400, "model": 400, `{"a":nul}`: 400, `{"a":"}`: 400, `{"a":[}`: 400, `{'model':'red'}`: 400, `{"a" 1}`: 400,
		} {
			w.expect(ask{host: host, path: "/v1/x", method: http.MethodPost, headers: headers, body: body}, want, "")
		}
		w.expect(ask{host: host, path: "/v1/models"}, 404, "")
	}
}

// TestModelBodyLimit: a body that is larger than what is read is refused, at once when it says so, and the access log says why.
func TestModelBodyLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	routes := []ir.Route{route("red", forModel("/", "red"), to(w.service("red"))), route("rest", prefix("/"), to(w.service("rest")))}
	w.hosts(ir.Host{Chain: w.chain, Hostname: "exact.test", Routes: routes, ModelBody: 1 << 20})
	w.apply()
	large := chat("red", 2<<20)
	for _, c := range []struct {
		kind    string
		chunked bool
		status  int
	}{
		{"application/json", false, 413}, {"application/json", true, 413}, {"text/plain", false, 200}, {"text/plain", true, 200}, {"", false, 200},
	} {
		request, err := http.NewRequest(http.MethodPost, "http://"+local(w.port)+"/", strings.NewReader(large))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "exact.test"
		if c.kind != "" {
			request.Header.Set("Content-Type", c.kind)
		}
		if c.chunked {
			request.ContentLength = -1
		}
		request.URL.Path = fmt.Sprintf("/%v/%d", c.chunked, c.status)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%+v: %d", c, response.StatusCode)
		}
	}
	if got := w.logged("/false/413"); got["reason"] != "ModelBodyTooLarge" || got["route"] != "model" {
		t.Errorf("the log says %v", got)
	}
	if got := w.logged("/true/413"); got["details"] != "request_payload_too_large" {
		t.Errorf("the log says %v", got)
	}
}

// TestModelsHeld: the holder is asked about the trigger of the model that a body asks for, and the picker of its pool gets the whole body.
func TestModelsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	holder, pod := proxytest.StartHolder(t), echo(t, "pod")
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(pod)
	red := w.held(w.pool("red", false, picker, pod), holder)
	blue := w.held(w.pool("blue", false, picker, pod), holder)
	red.Hold.Demand.Name, blue.Hold.Demand.Name = "red", "blue"
	hosts := w.everywhere(route("red", forModel("/", "red"), &ir.Forward{Targets: []ir.Target{red}}),
		route("blue", forModel("/", "blue"), &ir.Forward{Targets: []ir.Target{blue}}))
	w.apply()
	for _, host := range hosts {
		for _, name := range []string{"red", "blue"} {
			before := len(holder.Asked())
			body := chat(name, 3<<20)
			out := w.expect(ask{host: host, method: http.MethodPost, headers: map[string]string{"Content-Type": "application/json"}, body: body}, 200, "pod")
			if len(out.Body) != len(body) {
				t.Errorf("%s: the Pod got %d of %d bytes", host, len(out.Body), len(body))
			}
			if asked := holder.Asked()[before:]; len(asked) != 1 || asked[0].Demand != "test/"+name {
				t.Errorf("%s, model %s: asked about %+v", host, name, asked)
			}
		}
	}
}

// TestModelBodiesInSum: a worker waits for eight bodies of the largest size, and says at once that it waits for no more. Clients that go
// make room, and small bodies need none.
func TestModelBodiesInSum(t *testing.T) {
	t.Parallel()
	const limit = 512 << 10
	w := newWorld(t)
	w.hosts(ir.Host{Chain: w.chain, Hostname: "exact.test", ModelBody: limit, Routes: []ir.Route{route("red", forModel("/", "red"), to(w.service("red")))}})
	w.apply()
	large := chat("red", limit-(16<<10))
	begin := func() net.Conn {
		connection := w.dial()
		fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: exact.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			len(large), large[:len(large)/2])
		return connection
	}
	var waiting []net.Conn
	for len(waiting) < 8 {
		waiting = append(waiting, begin())
	}
	headers := map[string]string{"Content-Type": "application/json"}
	gomega.NewWithT(t).Eventually(func() int {
		return w.do(ask{host: "exact.test", method: http.MethodPost, headers: headers, body: large}).status
	}).WithTimeout(10 * time.Second).Should(gomega.Equal(503))
	out := w.do(ask{host: "exact.test", path: "/full", method: http.MethodPost, headers: headers, body: large})
	if out.status != 503 || out.header.Get("retry-after") == "" || !strings.Contains(out.text, "Try again") {
		t.Errorf("%d %v %s", out.status, out.header, out.text)
	}
	if got := w.logged("/full"); got["reason"] != "ModelBodies" {
		t.Errorf("the log says %v", got)
	}
	w.expect(ask{host: "exact.test", method: http.MethodPost, headers: headers, body: chat("red", 100)}, 200, "red")
	for _, connection := range waiting {
		_ = connection.Close()
	}
	gomega.NewWithT(t).Eventually(func() int {
		return w.do(ask{host: "exact.test", method: http.MethodPost, headers: headers, body: large}).status
	}).WithTimeout(10 * time.Second).Should(gomega.Equal(200))
}

// TestModelsBehindListenerFilters: the authorization service of a listener hears no model that a client says in a header, and what it changes
// decides between rules for models, too. That of a rule hears the model.
func TestModelsBehindListenerFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service, auth := w.authorizer("http")
	auth.RequestHeaders, auth.ResponseHeaders = []string{ir.ModelHeader}, []string{"x-tier"}
	service.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
		return proxytest.AuthDecision{Status: http.StatusOK, Header: http.Header{"X-Tier": {"gold"}}}
	})
	ofRule, asked := w.authorizer("grpc")
	asked.RequestHeaders = []string{ir.ModelHeader}
	gold := forModel("/", "red")
	gold.Headers = []ir.ValueMatch{{Name: "x-tier", Value: "gold"}}
	guard := to(w.service("gold"))
	guard.Filters.Auth = asked
	w.behind([]*ir.Auth{auth}, route("gold", gold, guard), route("plain", forModel("/", "red"), to(w.service("plain"))),
		route("rest", prefix("/"), to(w.service("rest"))))
	w.apply()
	for _, host := range []string{"exact.test", "a.wild.test"} {
		headers := map[string]string{"Content-Type": "application/json", ir.ModelHeader: "forged"}
		w.expect(ask{host: host, method: http.MethodPost, headers: headers, body: chat("red", 1<<20)}, 200, "gold")
		w.expect(ask{host: host, method: http.MethodPost, headers: headers, body: chat("blue", 10)}, 200, "rest")
		w.expect(ask{host: host, headers: headers}, 200, "rest")
	}
	for _, question := range service.Asked() {
		if said := question.Header.Get(ir.ModelHeader); said != "" {
			t.Errorf("the service of the listener hears the model %q", said)
		}
	}
	questions := ofRule.Asked()
	for _, question := range questions {
		if said := question.Header.Get(ir.ModelHeader); said != "red" {
			t.Errorf("the service of the rule hears the model %q", said)
		}
	}
	if len(questions) == 0 {
		t.Error("the service of the rule was not asked")
	}
}

// TestModelPreflight: a preflight has no body, and is answered by the first rule of its path that has CORS.
func TestModelPreflight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shared := to(w.service("red"))
	shared.Filters.CORS = &ir.CORS{AllowOrigins: []string{"https://ui.test"}, AllowMethods: []string{"POST"}, AllowHeaders: []string{"content-type"}}
	hosts := w.everywhere(route("red", forModel("/", "red"), shared), route("rest", prefix("/"), to(w.service("rest"))))
	w.apply()
	for _, host := range hosts {
		out := w.do(ask{host: host, method: http.MethodOptions, headers: map[string]string{
			"Origin": "https://ui.test", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
		}})
		if got := out.header.Get("Access-Control-Allow-Origin"); out.status != 200 || got != "https://ui.test" {
			t.Errorf("%s: %d, allowed origin %q", host, out.status, got)
		}
	}
}

// TestModelTrees: more rules than a list has.
func TestModelTrees(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, rest := w.service("one"), w.service("rest")
	var routes []ir.Route
	for i := range 300 {
		routes = append(routes, route(fmt.Sprint("m", i), forModel("/v1", fmt.Sprint("m", i)), to(one)),
			route(fmt.Sprint("p", i), prefix(fmt.Sprint("/v1/p", i)), to(rest)))
	}
	w.hosts(ir.Host{Chain: w.chain, Hostname: "exact.test", Routes: append(routes, route("rest", prefix("/"), to(rest)))})
	w.apply()
	headers := map[string]string{"Content-Type": "application/json"}
	for _, c := range []struct{ path, model, want string }{
		{"/v1/chat", "m299", "one"}, {"/v1", "m0", "one"}, {"/v1/chat?a=b", "m17", "one"}, {"/v1/chat", "m300", "rest"}, {"/v2", "m1", "rest"},
	} {
		w.expect(ask{host: "exact.test", path: c.path, method: http.MethodPost, headers: headers, body: chat(c.model, 10)}, 200, c.want)
	}
}
