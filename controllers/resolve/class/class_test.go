package class

import (
	"slices"
	"strings"
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	apifeatures "sigs.k8s.io/gateway-api/pkg/features"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// TestClassVersion: patch releases of the known minor versions are supported, others are
// served without the promise.
func TestClassVersion(t *testing.T) {
	cases := []struct {
		versions      []string
		want, message string
	}{
		{nil, "True/SupportedVersion", "v1.6"},
		{[]string{BundleVersion}, "True/SupportedVersion", ""},
		{[]string{"v1.6.0", "v1.6.9"}, "True/SupportedVersion", ""},
		{[]string{"v1.6.3", "v1.7.0"}, "True/SupportedVersion", "v1.6 or v1.7"},
		{[]string{"v1.7.0", "v1.8.0"}, "False/UnsupportedVersion", "bundle version v1.8.0; install v1.7.0"},
		{[]string{"v1.5.1"}, "False/UnsupportedVersion", "bundle version v1.5.1"},
		{[]string{"v1.60.0"}, "False/UnsupportedVersion", "v1.60.0"},
		{[]string{""}, "False/UnsupportedVersion", "bundle version none"},
		{[]string{"main", "main"}, "False/UnsupportedVersion", "bundle version main;"},
	}
	for _, c := range cases {
		class := Resolve(fixture.Store(t, fixture.Class).View(nil), "kedify")
		for _, version := range c.versions {
			class.Installed = append(class.Installed, CRD{Bundle: version, Channel: "standard"})
		}
		conditions := Status(class).Conditions
		if got, want := fixture.Summary(conditions), "Accepted=True/Accepted SupportedVersion="+c.want; got != want {
			t.Errorf("%q: %s, want %s", c.versions, got, want)
		}
		if message := fixture.Message(conditions, "SupportedVersion"); !strings.Contains(message, c.message) {
			t.Errorf("%q: message %q", c.versions, message)
		}
	}
}

// TestFeatures: sorted, without repetition, and within the limit of the status; with CRDs of
// the standard channel without the features of the experimental one, with those of v1.6 without what came later.
func TestFeatures(t *testing.T) {
	names := func(installed Installed) (names []gwv1.FeatureName) {
		class := Resolve(fixture.Store(t, fixture.Class).View(nil), "kedify")
		class.Installed, class.TrustBundles = installed, true
		for _, feature := range Status(class).SupportedFeatures {
			names = append(names, feature.Name)
		}
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("names are not sorted, or not once each: %v", names)
		}
		if len(names) > 64 {
			t.Errorf("%d features; a status takes 64", len(names))
		}
		return names
	}
	crd := func(version, channel string) CRD { return CRD{Bundle: version, Channel: channel} }
	experimental, standard := crd(BundleVersion, "experimental"), crd(BundleVersion, "standard")
	all := names(Installed{experimental, experimental})
	if !slices.Equal(names(nil), all) {
		t.Errorf("CRDs that were not read are not taken for those of the experimental channel: %v", names(nil))
	}
	without := func(from []gwv1.FeatureName, names []gwv1.FeatureName) []gwv1.FeatureName {
		return slices.DeleteFunc(slices.Clone(from), func(name gwv1.FeatureName) bool { return slices.Contains(names, name) })
	}
	v17 := []gwv1.FeatureName{
		"ClusterTrustBundle", "GRPCRouteRequestHeaderModifier", "GatewayAddressRoutability", "GatewayAddressRoutabilityCluster",
		"GatewayRouteHostnameIntersectionPrecedence", "HTTPRouteBackendURLRewrite", "HTTPRouteRetryCodes",
	}
	v17Experimental := append(v17[:len(v17):len(v17)], "GatewayListenerFilters")
	v16 := []gwv1.FeatureName{"HTTPRouteRetry", "HTTPRouteRetryBackendTimeout"}
	onlyExperimental := []gwv1.FeatureName{
		"ClusterTrustBundle", "GatewayAddressRoutability", "GatewayAddressRoutabilityCluster", "GatewayListenerFilters",
		"HTTPRouteDestinationPortMatching",
	}
	v16Experimental := []gwv1.FeatureName{"HTTPRouteRetryConnectionError", "TLSRouteModeMixed"}
	for title, c := range map[string]struct {
		installed     Installed
		missing, more []gwv1.FeatureName
	}{
		"standard":      {installed: Installed{standard, standard}, missing: onlyExperimental},
		"mixed":         {installed: Installed{experimental, standard}, missing: onlyExperimental},
		"nameless":      {installed: Installed{{Bundle: BundleVersion}}, missing: onlyExperimental},
		"v1.6":          {installed: Installed{crd("v1.6.3", "experimental")}, missing: v17Experimental, more: v16},
		"v1.6 and v1.7": {installed: Installed{experimental, crd("v1.6.0", "experimental")}, missing: v17Experimental, more: v16},
		"unknown":       {installed: Installed{experimental, crd("v1.8.0", "experimental")}, missing: v17Experimental, more: v16},
		"v1.6 standard": {installed: Installed{crd("v1.6.3", "standard")}, missing: slices.Concat(v17, onlyExperimental, v16Experimental)},
	} {
		got := names(c.installed)
		missing, more := without(all, got), without(got, all)
		slices.Sort(c.missing)
		c.missing = slices.Compact(c.missing)
		if !slices.Equal(missing, c.missing) || !slices.Equal(more, c.more) {
			t.Errorf("%s: not claimed %v, want %v; claimed beside them %v, want %v", title, missing, c.missing, more, c.more)
		}
	}
}

// TestTrustBundlesOfTheCluster: an API server without ClusterTrustBundles takes one feature from the claim.
func TestTrustBundlesOfTheCluster(t *testing.T) {
	for _, served := range []bool{true, false} {
		features := Status(Result{Name: "kedify", TrustBundles: served}).SupportedFeatures
		if claimed := slices.Contains(features, gwv1.SupportedFeature{Name: "ClusterTrustBundle"}); claimed != served {
			t.Errorf("served %t: claimed %t", served, claimed)
		}
	}
}

// TestEveryGatewayFeatureIsClaimed: the claim is the whole API but for meshes. A feature of a later version fails here
// until it is claimed or named as left out.
func TestEveryGatewayFeatureIsClaimed(t *testing.T) {
	for _, feature := range apifeatures.AllFeatures.UnsortedList() {
		left := strings.HasPrefix(string(feature.Name), "Mesh")
		if ours := slices.Contains(claimed, feature); ours == left {
			t.Errorf("%s: claimed is %t", feature.Name, ours)
		}
	}
}

// TestClassForeign: a class of another controller gets no status.
func TestClassForeign(t *testing.T) {
	foreign := strings.Replace(fixture.Class, "kedify.io/gateway-controller", "example.com/controller", 1)
	if class := Resolve(fixture.Store(t, foreign).View(nil), "kedify"); class.Owned {
		t.Errorf("%+v", class)
	}
	if class := Resolve(fixture.Store(t).View(nil), "kedify"); class.Owned {
		t.Errorf("%+v", class)
	}
}
