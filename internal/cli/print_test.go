package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/summary"
	"github.com/kedify/inference-gateway/internal/golden"
)

// prints compares a text with a file of testdata.
func prints(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if golden.Updating() {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (- file, + printed):\n%s", name, diff)
	}
}

var someRows = []summary.Row{
	{Kind: "Gateway", Namespace: "infra", Name: "gw", Ready: summary.True},
	{Kind: "HTTPRoute", Namespace: "shop", Name: "web", Ready: summary.False, Reason: "BackendNotFound",
		Message: "backendRefs[0]: Service shop/wbe does not exist;\nrequests get 500. " + strings.Repeat("More is said. ", 8)},
	{Kind: "HTTPScaler", Namespace: "shop", Name: "web-0", Ready: summary.Unknown, Reason: "DemandUnknown",
		Message: "no proxy has reported", Rate: "1.5", Held: "2", Replicas: "0/1"},
}

func TestStatus(t *testing.T) {
	for name, format := range map[string]string{
		"status": "", "status-wide": "wide", "status-json": "json", "status-yaml": "yaml",
		"status-jsonpath": `jsonpath={range .items[*]}{.name}={.ready}{"\n"}{end}`,
		"status-template": "go-template={{range .items}}{{.kind}} {{end}}\n",
	} {
		var out strings.Builder
		if err := printStatus(&out, &output{format}, someRows); !errors.Is(err, ErrFound) {
			t.Errorf("%s: %v", name, err)
		}
		prints(t, name, out.String())
	}
	var out strings.Builder
	if err := printStatus(&out, &output{}, someRows[:1]); err != nil {
		t.Errorf("everything is ready: %v", err)
	}
	err := printStatus(&out, &output{"text"}, nil)
	if err == nil || !strings.Contains(err.Error(), `--output "text" is not wide, json, yaml`) {
		t.Errorf("%v", err)
	}
	out.Reset()
	if err := printStatus(&out, &output{"json"}, nil); err != nil || !strings.Contains(out.String(), `"items": []`) {
		t.Errorf("%s %v", out.String(), err)
	}
}

func TestChosen(t *testing.T) {
	for arg, want := range map[string]int{
		"httproute/web": 1, "HTTPRoutes/web": 1, "gateway/gw": 1, "httproute/other": -1, "web": -1, "pod/web": -1,
	} {
		rows, err := chosen(someRows, []string{arg})
		if (err != nil) != (want < 0) || err == nil && len(rows) != want {
			t.Errorf("%s: %v %v", arg, rows, err)
		}
	}
}

func TestDumps(t *testing.T) {
	key := debug.Key{Namespace: "shop", Name: "web"}
	dumps := []Replicated{
		{Replica: "a", Gateway: debug.Gateway{
			Gateway: key, Connected: 2, Resources: []debug.Resource{{Name: "r"}},
			Elsewhere: []debug.PeerState{{Replica: "b", Connected: true}, {Replica: "c"}},
			Rejected: []debug.Rejection{{
				Resource: debug.ResourceKey{Name: "80/a"}, Node: "web-1", Message: "bad regex", Since: time.Unix(1000, 0).UTC(),
				Sources: []debug.Source{{Kind: "HTTPRoute", Namespace: "shop", Name: "web", Section: "one"}},
			}},
		}},
		{Replica: "b", Gateway: debug.Gateway{Gateway: key}},
	}
	for name, format := range map[string]string{"xds": "", "xds-wide": "wide"} {
		var out strings.Builder
		if err := printDumps(&out, &output{format}, dumps); err != nil {
			t.Fatal(err)
		}
		prints(t, name, out.String())
	}
	var out strings.Builder
	if err := (&output{"yaml"}).print(&out, "GatewayList", dumps); err != nil {
		t.Fatal(err)
	}
	prints(t, "xds-yaml", out.String())
}

func TestChecklists(t *testing.T) {
	list := chain.Checklist{Object: "HTTPRoute shop/web", Cause: "attached: no", Links: []chain.Link{
		{Name: "admitted", State: chain.OK, Evidence: "it is there."},
		{Name: "attached", Subject: "Gateway infra/gw", State: chain.Failed, Evidence: "no.", Fix: "do it"},
	}}
	for name, format := range map[string]string{"explain": "", "explain-json": "json"} {
		var out strings.Builder
		other := chain.Checklist{Object: "HTTPRoute shop/other", Served: true}
		if err := printChecklists(&out, &output{format}, list, other); !errors.Is(err, ErrFound) {
			t.Errorf("%v", err)
		}
		prints(t, name, out.String())
	}
}

// The rows of all Pods are one list for programs, and a table with the name of the Pod before it for people.
func TestProxies(t *testing.T) {
	question := proxyQuestions[slices.IndexFunc(proxyQuestions, func(q proxyQuestion) bool { return q.use == "clusters" })]
	for format, want := range map[string]string{
		"jsonpath={.kind} {.items[*].pod}": "ProxyList web-1 web-2",
		"":                                 "# Pod shop/web-1\nCLUSTER",
	} {
		var out strings.Builder
		to := &proxyPrinter{to: &out, out: &output{format}, question: question, several: true}
		for _, pod := range []string{"web-1", "web-2"} {
			answer := proxyAnswer{pod: types.NamespacedName{Namespace: "shop", Name: pod}, body: []byte(`{"cluster_statuses":[{"name":"a"}]}`)}
			if err := to.print(answer); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.end(); err != nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%q: %s %v", format, out.String(), err)
		}
	}
}
