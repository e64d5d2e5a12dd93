package lookup

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

func answering(name string, match ir.Match) ir.Route {
	return ir.Route{Name: name, Match: match, Action: &ir.Respond{StatusCode: 200, Body: name}}
}

// world has a cleartext port and a TLS port with two server names.
func world() Tables {
	prefix := func(value string) ir.Match { return ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: value}} }
	return Tables{
		Listeners: []ir.Listener{
			{Port: 80, Transport: ir.TCP, Chains: []ir.Chain{{ID: "80"}}},
			{Port: 443, Transport: ir.TCP, Chains: []ir.Chain{{ID: "443/*.x", SNI: "*.x"}, {ID: "443/a.x", SNI: "a.x"}}},
			{Port: 5432, Transport: ir.TCP, Chains: []ir.Chain{{ID: "5432", Forward: &ir.L4Forward{}}}},
			{Port: 53, Transport: ir.UDP},
		},
		Hosts: map[Place]ir.Host{
			{"80", "a.x"}: {Hostname: "a.x", Routes: []ir.Route{
				answering("get", ir.Match{Path: ir.PathMatch{Kind: ir.PathExact, Value: "/a"}, Method: "GET"}),
				answering("header", ir.Match{Path: prefix("/b").Path, Headers: []ir.ValueMatch{{Name: "X-V", Value: "1|2", Regex: true}}}),
				answering("rest", prefix("/c/")),
				answering("model", ir.Match{Path: prefix("/m").Path, Model: ir.ModelMatch{Value: "red"}}),
				answering("models", ir.Match{Path: prefix("/m").Path, Model: ir.ModelMatch{Value: "b.*", Regex: true}}),
				answering("no model", prefix("/m")),
			}},
			{"443/a.x", "a.x"}: {Hostname: "a.x", Routes: []ir.Route{answering("tls", prefix("/"))}},
		},
		Wildcards: map[string]ir.Wildcards{"80": {Hosts: []ir.Host{
			{Hostname: "*", Routes: []ir.Route{answering("any", prefix("/"))}},
			{Hostname: "*.x", Routes: []ir.Route{answering("suffix", prefix("/"))}},
			{Hostname: "*.b.x", Routes: []ir.Route{answering("longer", prefix("/"))}},
		}}},
	}
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		request Request
		want    string
	}{
		"exact host":             {Request{Port: 80, Host: "a.x", Method: "GET", Path: "/a"}, "get"},
		"host with port and dot": {Request{Port: 80, Host: "A.X.:8080", Method: "GET", Path: "/a"}, "get"},
		"another method":         {Request{Port: 80, Host: "a.x", Method: "PUT", Path: "/a"}, "host a.x"},
		"header":                 {Request{Port: 80, Host: "a.x", Path: "/b/c", Headers: map[string]string{"x-v": "2"}}, "header"},
		"header, whole value":    {Request{Port: 80, Host: "a.x", Path: "/b/c", Headers: map[string]string{"x-v": "12"}}, "host a.x"},
		"prefix on segments":     {Request{Port: 80, Host: "a.x", Path: "/cc"}, "host a.x"},
		"prefix itself":          {Request{Port: 80, Host: "a.x", Path: "/c"}, "rest"},
		"dot segments":           {Request{Port: 80, Host: "a.x", Path: "/a/../c/d"}, "rest"},
		"dot segment at the end": {Request{Port: 80, Host: "a.x", Path: "/c/d/.."}, "rest"},
		"encoded":                {Request{Port: 80, Host: "a.x", Path: "/%63/d"}, "rest"},
		"longer suffix":          {Request{Port: 80, Host: "a.b.x", Path: "/"}, "longer"},
		"suffix":                 {Request{Port: 80, Host: "b.x", Path: "/"}, "suffix"},
		"every name":             {Request{Port: 80, Host: "y", Path: "/"}, "any"},
		"IPv6":                   {Request{Port: 80, Host: "[::1]:80", Path: "/"}, "any"},
		"model":                  {Request{Port: 80, Host: "a.x", Path: "/m", Model: "red"}, "model"},
		"models":                 {Request{Port: 80, Host: "a.x", Path: "/m", Model: "blue"}, "models"},
		"another model":          {Request{Port: 80, Host: "a.x", Path: "/m", Model: "green"}, "no model"},
		"no model":               {Request{Port: 80, Host: "a.x", Path: "/m"}, "no model"},
		"model of a header":      {Request{Port: 80, Host: "a.x", Path: "/m", Headers: map[string]string{ir.ModelHeader: "red"}}, "no model"},
		"server name":            {Request{Port: 443, ServerName: "A.x", Host: "a.x", Path: "/"}, "tls"},
		"host of another chain":  {Request{Port: 443, ServerName: "b.x", Host: "a.x", Path: "/"}, "chain 443/*.x"},
		"unclaimed server name":  {Request{Port: 443, ServerName: "y", Host: "a.x", Path: "/"}, "port 443"},
		"layer 4":                {Request{Port: 5432, Host: "a.x", Path: "/"}, "chain 5432"},
		"UDP is another port":    {Request{Port: 53, Host: "a.x", Path: "/"}, "nothing"},
		"port":                   {Request{Port: 81, Host: "a.x", Path: "/"}, "nothing"},
	} {
		if got := reached(world().Find(c.request)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func reached(f Found) string {
	switch {
	case f.Route != nil:
		return f.Route.Name
	case f.Host != nil:
		return "host " + f.Host.Hostname
	case f.Chain != nil:
		return "chain " + f.Chain.ID
	case f.Listener != nil:
		return "port 443"
	}
	return "nothing"
}

func TestDifferences(t *testing.T) {
	match := ir.Match{
		Path: ir.PathMatch{Kind: ir.PathExact, Value: "/a"}, Method: "GET",
		Headers: []ir.ValueMatch{{Name: "H", Value: "1"}}, Query: []ir.ValueMatch{{Name: "q", Value: "[0-9]", Regex: true}},
		Model: ir.ModelMatch{Value: "red"},
	}
	var texts []string
	for _, difference := range Differences(match, Request{Path: "/b", Method: "PUT", Query: map[string]string{"q": "x"}}) {
		texts = append(texts, difference.String())
	}
	want := `path is "/b", the rule takes exactly "/a"` + "\n" + `method is "PUT", the rule takes GET` + "\n" +
		`header h is missing, the rule takes "1"` + "\n" + `query parameter q is "x", the rule takes the expression "[0-9]"` + "\n" +
		`model is missing, the rule takes "red"`
	if got := strings.Join(texts, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !Takes(match, Request{Path: "/a", Method: "GET", Headers: map[string]string{"h": "1"}, Query: map[string]string{"q": "3"}, Model: "red"}) {
		t.Error("a request with all parts is not taken")
	}
}
