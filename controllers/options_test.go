package controllers

import (
	"slices"
	"strings"
	"testing"
)

// TestIPv6: one address of IPv6 says that Pods have them.
func TestIPv6(t *testing.T) {
	for _, c := range []struct {
		ip   string
		all  []string
		want bool
	}{
		{"10.0.0.7", nil, false}, {"10.0.0.7", []string{"10.0.0.7"}, false}, {"", nil, false}, {"::ffff:10.0.0.7", nil, false},
		{"2001:db8::7", nil, true}, {"10.0.0.7", []string{"10.0.0.7", "2001:db8::7"}, true}, {"10.0.0.7", []string{"nonsense"}, false},
	} {
		options := Options{PodIP: c.ip, PodIPs: c.all}
		if got := options.IPv6(); got != c.want {
			t.Errorf("%q, %q: %v", c.ip, c.all, got)
		}
	}
	options := Options{PodIP: "2001:db8::7", XDSListen: ":18000"}
	if own, err := options.Own(); err != nil || own != "[2001:db8::7]:18000" {
		t.Errorf("the address of this replica: %q, %v", own, err)
	}
}

// KEDA is told a server's name out of the address of a trigger: the certificate has them all.
func TestScalerNames(t *testing.T) {
	for address, want := range map[string][]string{
		"":                                 {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local"},
		"gw.system.svc.corp.example:9090":  {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local", "gw.system.svc.corp.example"},
		"dns:///scaler.example.com:443":    {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local", "scaler.example.com"},
		"10.0.0.7:9090":                    {"10.0.0.7", "gw.system", "gw.system.svc", "gw.system.svc.cluster.local"},
		"gw.system.svc.cluster.local:9090": {"gw.system", "gw.system.svc", "gw.system.svc.cluster.local"},
	} {
		options := Options{XDSAddress: "gw.system.svc:18000", ScalerAddress: address}
		if got := options.ScalerNames(); !slices.Equal(got, want) {
			t.Errorf("%q: %q", address, got)
		}
	}
}

// TestWatchNamespacesRefusesMistakes names the flag, and what is wrong.
func TestWatchNamespacesRefusesMistakes(t *testing.T) {
	for _, c := range []struct {
		options Options
		problem string
	}{
		{Options{WatchNamespaces: []string{"shop", "desk"}}, ""},
		{Options{Autowire: true}, ""},
		{Options{WatchNamespaces: []string{"shop", ""}}, `--watch-namespaces has "", which is no namespace`},
		{Options{WatchNamespaces: []string{"*"}}, `--watch-namespaces has "*", which is no namespace`},
		{Options{WatchNamespaces: []string{"shop"}, Autowire: true}, "--watch-namespaces excludes --autowire"},
	} {
		err := c.options.Validate()
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%q: %v, want %q", c.options.WatchNamespaces, err, c.problem)
		}
	}
}
