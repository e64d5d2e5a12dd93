package translate_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// document is one node of the IR in a golden case: exactly one field is set. The fields of the
// IR are written in their Go names, in any case; durations as "5s", key material as text.
type document struct {
	Listener  *ir.Listener
	Host      *hostDocument
	Wildcards *struct {
		Chain string
		Hosts []hostDocument
	}
	Cluster   *ir.Cluster
	Endpoints *ir.Endpoints
	Secret    *ir.Secret
}

type hostDocument struct {
	Chain, Hostname, Fields string
	Filters                 *ir.ListenerFilters
	ModelBody               uint64
	Routes                  []struct {
		Name   string
		Match  ir.Match
		Source ir.Source
		// The action, a one-of.
		Forward  *ir.Forward
		Redirect *ir.Redirect
		Respond  *ir.Respond
	}
}

func (h hostDocument) host() ir.Host {
	out := ir.Host{Chain: h.Chain, Hostname: h.Hostname, Fields: h.Fields, Filters: h.Filters, ModelBody: h.ModelBody}
	for _, r := range h.Routes {
		next := ir.Route{Name: r.Name, Match: r.Match, Source: r.Source}
		switch {
		case r.Forward != nil:
			next.Action = r.Forward
		case r.Redirect != nil:
			next.Action = r.Redirect
		case r.Respond != nil:
			next.Action = r.Respond
		}
		out.Routes = append(out.Routes, next)
	}
	return out
}

// render translates the document.
func (d document) render() ([]resource.Resource, error) {
	one := func(r resource.Resource, err error) ([]resource.Resource, error) { return []resource.Resource{r}, err }
	two := func(scope, table resource.Resource, err error) ([]resource.Resource, error) {
		return []resource.Resource{scope, table}, err
	}
	switch {
	case d.Listener != nil:
		return one(translate.Listener(*d.Listener))
	case d.Host != nil:
		return two(translate.Host(d.Host.host()))
	case d.Wildcards != nil:
		w := ir.Wildcards{Chain: d.Wildcards.Chain}
		for _, h := range d.Wildcards.Hosts {
			h.Chain = w.Chain
			w.Hosts = append(w.Hosts, h.host())
		}
		return two(translate.Wildcards(w))
	case d.Cluster != nil:
		return one(translate.Cluster(*d.Cluster))
	case d.Endpoints != nil:
		return one(translate.Endpoints(*d.Endpoints))
	case d.Secret != nil:
		return one(translate.Secret(*d.Secret))
	}
	return nil, errors.New("empty document")
}

// decode reads the input of a case.
func decode(t testing.TB, input []byte) []document {
	t.Helper()
	reader := yaml.NewYAMLReader(newReader(input))
	var out []document
	for {
		data, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		var plain map[string]any
		if err := sigsyaml.Unmarshal(data, &plain); err != nil {
			t.Fatal(err)
		}
		if len(plain) == 0 {
			continue
		}
		encoded, err := json.Marshal(plainer("", plain))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(encoded))
		decoder.DisallowUnknownFields()
		var d document
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		out = append(out, d)
	}
}

// plainer turns durations into numbers and key material into base64, as encoding/json wants.
func plainer(key string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			value[name] = plainer(name, field)
		}
	case []any:
		for i := range value {
			value[i] = plainer("", value[i])
		}
	case string:
		switch strings.ToLower(key) {
		case "request", "backendrequest", "idle", "backoff", "maxage", "timeout":
			if duration, err := time.ParseDuration(value); err == nil {
				return int64(duration)
			}
		case "certificate", "privatekey", "ca":
			if strings.HasPrefix(value, "-----BEGIN") {
				return base64.StdEncoding.EncodeToString([]byte(value))
			}
		}
	}
	return value
}

// printed is a resource as a golden section shows it.
func printed(t testing.TB, r resource.Resource) string {
	t.Helper()
	message, err := (&anypb.Any{TypeUrl: string(r.Type), Value: r.Body}).UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var body any
	if err := json.Unmarshal(data, &body); err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, source := range r.Sources {
		sources = append(sources, source.String())
	}
	out, err := sigsyaml.Marshal(map[string]any{string(r.Type[strings.LastIndex(string(r.Type), ".")+1:]): body})
	if err != nil {
		t.Fatal(err)
	}
	head := ""
	if len(r.Clusters) > 0 {
		head += fmt.Sprintf("# clusters: %s\n", strings.Join(r.Clusters, ", "))
	}
	if len(sources) > 0 {
		head += fmt.Sprintf("# sources: %s\n", strings.Join(sources, ", "))
	}
	return "---\n" + head + string(out)
}

func rendered(t testing.TB, c *golden.Case) []resource.Resource {
	t.Helper()
	var out []resource.Resource
	for _, d := range decode(t, c.Input) {
		resources, err := d.render()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, resources...)
	}
	return out
}

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		var body strings.Builder
		for _, r := range rendered(t, c) {
			body.WriteString(printed(t, r))
			again := rendered(t, c)
			for _, other := range again {
				if other.Key == r.Key && other.Version != r.Version {
					t.Errorf("%s: two renderings differ", r.Name)
				}
			}
		}
		return []golden.Section{{Name: "Envoy", Body: body.String()}}
	})
}

func newReader(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }
