package translate_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest/oracle"
)

// TestRoutingEqualsOracle compares Envoy with the meaning of the IR on random hosts: some
// rules in a list, many in a tree.
func TestRoutingEqualsOracle(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewSource(7))
	sizes := []int{1, 20, 150, 250, 900}
	tables := map[string]int{}
	seeds := map[string]int64{}
	for _, size := range sizes {
		name := fmt.Sprintf("r%d.test", size)
		seeds[name], tables[name] = int64(size), size
		w.host(name, oracle.Routes(rand.New(rand.NewSource(int64(size))), size)...)
		table := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(w.set.Upsert[len(w.set.Upsert)-1].Body, table); err != nil {
			t.Fatal(err)
		}
		if tree := table.VirtualHosts[0].Matcher != nil; tree != (size > 200) {
			t.Errorf("%d rules make a tree: %v", size, tree)
		}
	}
	w.apply()
	wrong, answered := 0, 0
	for name, size := range tables {
		routes := oracle.Routes(rand.New(rand.NewSource(seeds[name])), size)
		for range 400 {
			request := oracle.Ask(random, routes)
			want := oracle.Route(routes, request)
			out := w.do(ask{host: name, path: request.Path, method: request.Method, headers: request.Headers})
			status := 200
			if want == "" {
				status = 404
			} else {
				answered++
			}
			if out.status != status || out.text != want {
				if wrong++; wrong < 10 {
					t.Errorf("%s %s %+v: %d %q, want %q", name, request.Path, request, out.status, out.text, want)
				}
			}
		}
	}
	if answered < 500 {
		t.Errorf("only %d of 2000 requests met a route", answered)
	}
}

// TestHostsEqualOracle compares the two tables of a chain (exact hosts by scope, the rest by
// fallback) with one flat table: exact, else longest suffix, else "*".
func TestHostsEqualOracle(t *testing.T) {
	for seed := range int64(3) {
		w := newWorld(t)
		random := rand.New(rand.NewSource(seed))
		name := func() string {
			labels := []string{"test"}
			for range 1 + random.Intn(3) {
				labels = append([]string{[]string{"a", "b", "c"}[random.Intn(3)]}, labels...)
			}
			return strings.Join(labels, ".")
		}
		flat := map[string]bool{}
		say := func(hostname string) ir.Route {
			return route(hostname, prefix("/"), &ir.Respond{StatusCode: 200, Body: hostname})
		}
		var wild []ir.Host
		for range 12 {
			exact, suffix := name(), "*."+name()
			if !flat[exact] {
				flat[exact] = true
				w.host(exact, say(exact))
			}
			if !flat[suffix] {
				flat[suffix] = true
				wild = append(wild, ir.Host{Chain: w.chain, Hostname: suffix, Routes: []ir.Route{say(suffix)}})
			}
		}
		if seed == 1 {
			flat["*"] = true
			wild = append(wild, ir.Host{Chain: w.chain, Hostname: "*", Routes: []ir.Route{say("*")}})
		}
		w.wildcards(wild...)
		w.apply()
		for range 400 {
			host := name()
			want := flatLookup(flat, host)
			asked := host
			if random.Intn(3) == 0 {
				asked = strings.ToUpper(asked)
			}
			asked += []string{"", ".", ":80", ".:8080"}[random.Intn(4)]
			status := 200
			if want == "" {
				status = 404
			}
			if out := w.do(ask{host: asked}); out.status != status || out.text != want {
				t.Fatalf("seed %d: %s: %d %q, want %q", seed, asked, out.status, out.text, want)
			}
		}
	}
}

func flatLookup(flat map[string]bool, host string) string {
	if flat[host] {
		return host
	}
	for rest := host; ; {
		_, suffix, more := strings.Cut(rest, ".")
		if !more {
			break
		}
		if flat["*."+suffix] {
			return "*." + suffix
		}
		rest = suffix
	}
	if flat["*"] {
		return "*"
	}
	return ""
}
