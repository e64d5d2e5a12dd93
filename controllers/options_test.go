package controllers

import (
	"slices"
	"testing"
)

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
