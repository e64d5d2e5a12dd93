package count_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// tokens are what answers said, and how many streamed answers began.
type tokens struct{ answers, prompt, cached, output, first uint64 }

// answer is what a model answers to one request, and what is to be counted of it.
type answer struct {
	name   string
	give   func(w http.ResponseWriter, r *http.Request)
	want   tokens
	method string
	// leave has the client go after so many bytes.
	leave int
	// unasked: the trigger does not scale by work.
	unasked bool
	// host in place of <name>.test.
	host string
}

// body answers with a content type and a body.
func body(kind, text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, text)
	}
}

const (
	jsonType   = "application/json"
	eventsType = "text/event-stream"
)

// parts answers with a stream, each part of which is sent by itself.
func parts(all ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", eventsType+"; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		flush(w)
		for _, part := range all {
			time.Sleep(5 * time.Millisecond) // Envoy may read two that come at once as one
			_, _ = io.WriteString(w, part)
			flush(w)
		}
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// event is one of OpenAI's stream with some text, and usage: "null", or a JSON object.
func event(text, usage string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"delta\":{\"content\":%q}}],\"usage\":%s}\n\n", text, usage)
}

const (
	lastEvent = `data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,` +
		`"prompt_tokens_details":{"cached_tokens":30}}}` + "\n\n" + "data: [DONE]\n\n"
	completion = `{"id":"c","choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":100,"completion_tokens":20,` +
		`"prompt_tokens_details":{"cached_tokens":30},"completion_tokens_details":{"reasoning_tokens":5}}}`
)

var said, streamed = tokens{1, 100, 30, 20, 0}, tokens{1, 100, 30, 20, 1}

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.String()
}

// coded answers with a coding.
func coded(give func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		give(w, r)
	}
}

func bytewise(text string) (all []string) {
	for i := range len(text) {
		all = append(all, text[i:i+1])
	}
	return all
}

// hostile is a completion with one member of usage.
func hostile(members string) func(http.ResponseWriter, *http.Request) {
	return body(jsonType, `{"usage":{`+members+`}}`)
}

// broken ends its connection in the middle of a stream.
func broken(w http.ResponseWriter, r *http.Request) {
	parts(event("a", `{"prompt_tokens":100,"completion_tokens":1}`), event("b", `{"prompt_tokens":100,"completion_tokens":2}`))(w, r)
	time.Sleep(50 * time.Millisecond)
	panic(http.ErrAbortHandler)
}

// flaky fails once, with a usage that is not counted, and is asked again.
func flaky() func(http.ResponseWriter, *http.Request) {
	failed := false
	return func(w http.ResponseWriter, r *http.Request) {
		if !failed {
			failed = true
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, completion)
			return
		}
		body(jsonType, completion)(w, r)
	}
}

func failing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, completion)
}

// answers are all that are told apart. None of them may change on its way.
func answers() []answer {
	long := strings.Repeat("long text ", 2000)
	anthropic := []string{
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":60,\"output_tokens\":1," +
			"\"cache_read_input_tokens\":30,\"cache_creation_input_tokens\":10}}}\n\n",
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hi\"}}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":20}}\n\n",
	}
	return []answer{
		{name: "json", give: body(jsonType, completion), want: said},
		{name: "charset", give: body("application/json; charset=utf-8", completion), want: said},
		{name: "suffix", give: body("Application/vnd.model+JSON", completion), want: said},
		{name: "responses", give: body(jsonType, `{"output":[],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":30},`+
			`"output_tokens":20,"output_tokens_details":{"reasoning_tokens":8}}}`), want: said},
		{name: "pretty", give: body(jsonType, strings.NewReplacer(":", " :\n ", ",", " ,\n").Replace(completion)), want: said},
		{name: "embeddings", give: body(jsonType, `{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}`),
			want: tokens{answers: 1, prompt: 8}},
		{name: "huge", give: body(jsonType, `{"data":"`+strings.Repeat("0.123456789,", 300_000)+`",`+completion[1:]), want: said},
		{name: "gemini", give: body(jsonType, `{"candidates":[],"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":20,`+
			`"cachedContentTokenCount":30,"promptTokensDetails":[{"modality":"TEXT","tokenCount":100}]}}`), want: said},

		{name: "stream", give: parts(event("a", "null"), event("b", "null"), lastEvent), want: streamed},
		{name: "at-once", give: parts(event("a", "null") + event("b", "null") + lastEvent), want: streamed},
		{name: "cumulative", give: parts(event("a", `{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":30}}`),
			event("b", `{"prompt_tokens":100,"completion_tokens":2}`), event("c", `{"prompt_tokens":100,"completion_tokens":20}`)), want: streamed},
		{name: "no-usage", give: parts(event("a", "null"), "data: [DONE]\n\n"), want: tokens{first: 1}},
		{name: "large-event", give: parts(event(long, "null"), lastEvent), want: streamed},
		{name: "usage-in-large-event", give: parts(event(long, `{"prompt_tokens":100,"completion_tokens":20,"x":{"cached_tokens":30}}`)),
			want: streamed},
		{name: "crlf", give: parts(strings.ReplaceAll(event("a", "null")+lastEvent, "\n", "\r\n")), want: streamed},
		{name: "lines", give: parts("data: {\"usage\"\ndata: :{\"prompt_tokens\":\ndata:100,\"completion_tokens\":20\r\n" +
			"data: ,\"cached_tokens\":30}}\n\n"), want: streamed},
		{name: "bytewise", give: parts(bytewise(event("a", "null") + lastEvent)...), want: streamed},
		{name: "anthropic", give: parts(anthropic...), want: streamed},

		{name: "left", give: func(w http.ResponseWriter, r *http.Request) {
			parts(event("a", "null"))(w, r)
			<-r.Context().Done()
		}, leave: 10, want: tokens{first: 1}},
		{name: "broken", give: broken, want: tokens{answers: 1, prompt: 100, output: 2, first: 1}, leave: 1 << 20},
		{name: "never-closed", give: parts(`data: {"usage":{"prompt_tokens":100,`+long, lastEvent), want: streamed},
		{name: "nothing-but-keys", give: parts(strings.Repeat(`"usage":{`, 200_000), "\n\n", lastEvent), want: streamed},
		{name: "empty-objects", give: body(jsonType, `{"a":[`+strings.Repeat(`"usage":{},`, 200_000)+completion[1:]), want: said},
		{name: "nested", give: parts(strings.Repeat(strings.Repeat(`"usage":{`, 100)+strings.Repeat("}", 100), 2000), "\n\n", lastEvent),
			want: streamed},
		{name: "cut-lines", give: parts(strings.Repeat("\"usage\"\n", 200_000), "\n\n", lastEvent), want: streamed},
		{name: "numbers", give: body(jsonType, strings.Repeat(`"usage": 1, `, 200_000)+completion[1:]), want: said},
		{name: "gzip", give: coded(body(jsonType, gzipped(completion)))},
		{name: "gzip-stream", give: coded(parts(gzipped(event("a", "null") + lastEvent))), want: tokens{first: 1}},
		{name: "empty-stream", give: parts()},

		{name: "negative", give: hostile(`"prompt_tokens":-5,"completion_tokens":-1`)},
		{name: "fraction", give: hostile(`"prompt_tokens":12.7,"completion_tokens":1e30`)},
		{name: "huge-number", give: hostile(`"prompt_tokens":99999999999999999999999999,"completion_tokens":18446744073709551615`)},
		{name: "text", give: hostile(`"prompt_tokens":"100","completion_tokens":null`)},
		{name: "deep", give: hostile(`"a":{"prompt_tokens":` + strings.Repeat("[", 5000))},
		{name: "twice", give: hostile(`"prompt_tokens":1,"completion_tokens":2,"prompt_tokens":100,"completion_tokens":20,"cached_tokens":30`),
			want: said},
		{name: "more-cached", give: hostile(`"prompt_tokens":100,"completion_tokens":20,"cached_tokens":3000`), want: tokens{1, 100, 100, 20, 0}},
		{name: "in-text", give: body(jsonType, `{"a":"\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":7}"}`)},
		{name: "no-json", give: body("text/html", completion)},
		{name: "bad-json", give: body(jsonType, `{"usage":`)},
		{name: "no-type", give: func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, completion)
		}},
		{name: "error", give: failing},
		{name: "head", give: body(jsonType, completion), method: http.MethodHead},
		{name: "flaky", give: flaky(), want: said},

		{name: "unasked", give: body(jsonType, completion), unasked: true},
		{name: "unasked-stream", give: parts(event("a", "null"), lastEvent), unasked: true},
		{name: "upper", give: body(jsonType, completion), want: said, host: "UPPER.test"},
		{name: "wild", give: body(jsonType, completion), want: said, host: "any.wild.test"},
	}
}

// models is a proxy with a model for each answer, and what the proxy reports.
type models struct {
	t        *testing.T
	proxy    *proxytest.Proxy
	registry *registry
	port     uint32
}

func modelKey(name string) types.NamespacedName { return named(name + "-0") }

func startModels(t *testing.T, all []answer) *models {
	m := &models{t: t, registry: &registry{t: t}, port: uint32(proxytest.Port(t))}
	keys := make([]types.NamespacedName, len(all))
	for i, a := range all {
		keys[i] = modelKey(a.name)
	}
	service := count.New(count.Options{Registry: m.registry, Catalog: inForce(keys...),
		Identify: func(context.Context) (types.NamespacedName, error) { return gatewayKey, nil }})
	m.proxy = proxytest.StartWith(t, func(*bootstrap.Config) {}, func(on *grpc.Server) { service.Register(on) })
	chain := strconv.Itoa(int(m.port))
	change := resource.Change{}
	one := func(made resource.Resource, err error) {
		if err != nil {
			t.Fatal(err)
		}
		change.Upsert = append(change.Upsert, made)
	}
	two := func(scope, table resource.Resource, err error) {
		one(scope, err)
		one(table, err)
	}
	for _, a := range all {
		key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: a.name, Port: 80, Demand: modelKey(a.name).Name}
		one(translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1, CountWork: !a.unasked}))
		one(translate.Endpoints(ir.Endpoints{Key: key.Endpoints(), Addresses: []ir.Endpoint{serveModel(t, a.give)}}))
		routes := []ir.Route{{Name: a.name, Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}}, Action: &ir.Forward{
			Targets: []ir.Target{{Cluster: key, Weight: 1}}, Retry: &ir.Retry{Attempts: 1, Codes: []uint32{503}},
		}}}
		if a.name == "wild" {
			two(translate.Wildcards(ir.Wildcards{Chain: chain, Hosts: []ir.Host{{Chain: chain, Hostname: "*.wild.test", Routes: routes}}}))
			continue
		}
		two(translate.Host(ir.Host{Chain: chain, Hostname: a.name + ".test", Routes: routes}))
	}
	m.proxy.Apply(change)
	m.listen(time.Hour)
	return m
}

// listen has the proxy accept connections, which may be silent for so long.
func (m *models) listen(idle time.Duration) {
	chain := ir.Chain{ID: strconv.Itoa(int(m.port)), Client: ir.Client{IdleTimeout: idle}}
	bound, err := translate.Listener(ir.Listener{Port: m.port, Transport: ir.TCP, Chains: []ir.Chain{chain}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.proxy.Apply(resource.Change{Upsert: []resource.Resource{bound}})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if connection, err := net.Dial("tcp", m.address()); err == nil {
			_ = connection.Close()
			return
		}
	}
	m.t.Fatal("the proxy does not listen")
}

func (m *models) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(m.port))) }

func serveModel(t *testing.T, give func(http.ResponseWriter, *http.Request)) ir.Endpoint {
	serving := httptest.NewUnstartedServer(http.HandlerFunc(give))
	serving.Config.BaseContext = func(net.Listener) context.Context { return t.Context() }
	serving.Start()
	t.Cleanup(serving.Close)
	return ir.Endpoint{Address: "127.0.0.1", Port: uint32(serving.Listener.Addr().(*net.TCPAddr).Port)}
}

// ask sends one request and returns the answer, or what came of it until the client left.
func (m *models) ask(a answer) (status int, text string) {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), a.method, "http://"+m.address()+"/v1/chat", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	if request.Host = a.host; a.host == "" {
		request.Host = a.name + ".test"
	}
	client := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Do(request)
	if err != nil {
		m.t.Fatalf("%s: %v", a.name, err)
	}
	defer response.Body.Close()
	var from io.Reader = response.Body
	if a.leave > 0 {
		from = io.LimitReader(from, int64(a.leave))
	}
	data, err := io.ReadAll(from)
	if err != nil && a.leave == 0 {
		m.t.Errorf("%s: %v", a.name, err)
	}
	return response.StatusCode, string(data)
}

// counted returns what the last report says of a model; nil: nothing.
func (m *models) counted(a answer) *demand.Work { return m.registry.last().Work[modelKey(a.name)] }

func of(w *demand.Work) tokens {
	if w == nil {
		return tokens{}
	}
	return tokens{w.Answers, w.Prompt, w.Cached, w.Output, w.First[len(w.First)-1]}
}

// What answers say is counted once, under the key of their cluster; where they say nothing that can be read, bytes are counted
// alone. Every answer arrives as it was sent.
func TestEnvoyCountsWork(t *testing.T) {
	all := answers()
	m := startModels(t, all)
	for _, a := range all {
		sent, began := httptest.NewRecorder(), time.Now()
		status, text := m.ask(a)
		if took := time.Since(began); took > patience/2 { // none takes the script a second
			t.Errorf("%s: %s", a.name, took)
		}
		if a.leave > 0 || a.name == "flaky" || a.method == http.MethodHead {
			continue
		}
		a.give(sent, httptest.NewRequest(http.MethodGet, "/", nil))
		if status != sent.Code || text != sent.Body.String() {
			t.Errorf("%s: %d and %d bytes, not %d and %d", a.name, status, len(text), sent.Code, sent.Body.Len())
		}
	}
	reports := len(m.registry.reports)
	m.registry.waitFor("all reports", func() bool {
		for _, a := range all {
			if of(m.counted(a)) != a.want {
				return len(m.registry.reports) > reports+5
			}
		}
		return true
	})
	time.Sleep(1200 * time.Millisecond) // one report more changes nothing
	m.registry.mu.Lock()
	defer m.registry.mu.Unlock()
	for _, a := range all {
		work := m.counted(a)
		switch got := of(work); {
		case got != a.want:
			t.Errorf("%s: %+v, not %+v", a.name, got, a.want)
		case a.unasked && work != nil:
			t.Errorf("%s: %+v", a.name, work)
		case !a.unasked && (work == nil || work.Sent == 0 || work.Received == 0):
			t.Errorf("%s: no bytes: %+v", a.name, work)
		}
	}
	m.quiet()
}

// A thousand answers of all kinds add up to what they said, over a change of the listener as well: it is the same proxy that goes on.
func TestEnvoyCountsAThousandAnswers(t *testing.T) {
	kinds := []answer{
		{name: "a", give: body(jsonType, completion), want: said}, {name: "b", give: parts(event("a", "null") + lastEvent), want: streamed},
		{name: "c", give: parts(event("a", "null")), want: tokens{first: 1}}, {name: "d", give: failing},
	}
	m := startModels(t, kinds)
	const each = 250
	for round := range 2 {
		var asking sync.WaitGroup
		for i := range kinds {
			asking.Go(func() {
				for range each / 2 {
					m.ask(kinds[i])
				}
			})
		}
		asking.Wait()
		if round == 0 {
			m.listen(time.Minute)
		}
	}
	m.registry.waitFor("all of them", func() bool {
		for _, a := range kinds {
			want := tokens{each * a.want.answers, each * a.want.prompt, each * a.want.cached, each * a.want.output, each * a.want.first}
			if of(m.counted(a)) != want {
				return false
			}
		}
		return true
	})
	m.quiet()
}

// quiet: nothing is counted of models that are not asked about, and the log has no line about any answer.
func (m *models) quiet() {
	m.t.Helper()
	for line := range strings.SplitSeq(m.proxy.Statistics(), "\n") {
		if strings.Contains(line, "unasked") && (strings.Contains(line, "work") || strings.Contains(line, "bytes")) {
			m.t.Errorf("a statistic of a trigger that did not ask: %s", line)
		}
	}
	for line := range strings.SplitSeq(m.proxy.Output(), "\n") {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[warning]") {
			m.t.Errorf("the proxy complains: %s", line)
		}
	}
}
