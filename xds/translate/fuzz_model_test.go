package translate_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// FuzzModel: the script in a real Envoy reads the model that a parser reads of a JSON document, and hands on every body as it is.
func FuzzModel(f *testing.F) {
	for _, body := range []string{
		`{"model":"red"}`, `{"model":"a","model":"b"}`, `{"a":{"model":"x"},"model":"y"}`, `{"mod\u0065l":"\u0061\/b"}`, `{"model":"\\\""}`,
		`[{"model":"x"}]`, `"model"`, `{"a":"\\","model":"b"}`, `{"model":1e3,"b":[true,false,null,-1.5E+2]}`, `{"":{},"model":[]}`, `{"model":" a"}`,
		`{"model":"a\tb"}`, "{\"model\"\n:\r\t \"b\" }", `{"model":"\ud83d\ude00"}`, `{"model":"ü"}`, `{`, ``, `{"model":"a"}}`, `{"model":"a",}`,
	} {
		f.Add([]byte(body))
	}
	address := modelProxy(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		request, err := http.NewRequest(http.MethodPost, "http://"+address, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "a.test"
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		got, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || !bytes.Equal(got, body) {
			t.Fatalf("%d %v: the backend got %q of %q", response.StatusCode, err, got, body)
		}
		if model := response.Header.Get("x-model"); json.Valid(body) && model != parsedModel(t, body) {
			t.Errorf("%q: the script reads %q, a parser %q", body, model, parsedModel(t, body))
		}
	})
}

// modelProxy is a proxy that reads models, before a backend that answers with the body and the model of its header.
func modelProxy(f *testing.F) (address string) {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		out.Header().Set("x-model", in.Header.Get(ir.ModelHeader))
		_, _ = io.Copy(out, in.Body)
	}))
	f.Cleanup(server.Close)
	proxy, port := proxytest.Start(f), proxytest.Port(f)
	chain, echoes := strconv.Itoa(port), serviceKey("echo")
	backend := server.Listener.Addr().(*net.TCPAddr)
	all := []resource.Resource{}
	add := func(r resource.Resource, err error) {
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, r)
	}
	add(translate.Listener(ir.Listener{Port: uint32(port), Transport: ir.TCP, Chains: []ir.Chain{{ID: chain}}}))
	add(translate.Cluster(ir.Cluster{Key: echoes, Protocol: ir.HTTP1}))
	add(translate.Endpoints(ir.Endpoints{Key: echoes, Addresses: []ir.Endpoint{{Address: backend.IP.String(), Port: uint32(backend.Port)}}}))
	scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "a.test", Routes: []ir.Route{
		route("none", forModel("/", "none"), to(echoes)), route("rest", prefix("/"), to(echoes)),
	}})
	add(scope, err)
	add(table, err)
	proxy.Apply(resource.Change{Upsert: all})
	return local(uint32(port))
}

// parsedModel is the model of a JSON document by Go's parser.
func parsedModel(t *testing.T, body []byte) (model string) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return ""
	}
	for decoder.More() {
		key, err := decoder.Token()
		var value json.RawMessage
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil {
			t.Fatal(err)
		}
		if key != "model" {
			continue
		}
		model = ""
		if value[0] == '"' && json.Unmarshal(value, &model) == nil && check.ModelName(model) != "" {
			model = ""
		}
	}
	return model
}
