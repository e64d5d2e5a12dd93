package class

import (
	"slices"
	"strings"
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	apifeatures "sigs.k8s.io/gateway-api/pkg/features"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// TestClassVersion: patch releases of the known minor version are supported, others are
// served without the promise.
func TestClassVersion(t *testing.T) {
	cases := []struct {
		versions      []string
		want, message string
	}{
		{nil, "True/SupportedVersion", "v1.6"},
		{[]string{BundleVersion}, "True/SupportedVersion", ""},
		{[]string{"v1.6.0", "v1.6.9"}, "True/SupportedVersion", ""},
		{[]string{"v1.6.3", "v1.7.0"}, "False/UnsupportedVersion", "bundle version v1.7.0; install v1.6.3"},
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
// the standard channel without the five features of the experimental one.
func TestFeatures(t *testing.T) {
	names := func(installed Installed) (names []gwv1.FeatureName) {
		class := Resolve(fixture.Store(t, fixture.Class).View(nil), "kedify")
		class.Installed = installed
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
	experimental, standard := CRD{Bundle: BundleVersion, Channel: "experimental"}, CRD{Bundle: BundleVersion, Channel: "standard"}
	all := names(Installed{experimental, experimental})
	if !slices.Equal(names(nil), all) {
		t.Errorf("CRDs that were not read are not taken for those of the experimental channel: %v", names(nil))
	}
	for title, installed := range map[string]Installed{
		"standard": {standard, standard}, "mixed": {experimental, standard}, "nameless": {{Bundle: BundleVersion}},
	} {
		got := names(installed)
		missing := slices.DeleteFunc(slices.Clone(all), func(name gwv1.FeatureName) bool { return slices.Contains(got, name) })
		want := []gwv1.FeatureName{
			"HTTPRouteDestinationPortMatching", "HTTPRouteRetry", "HTTPRouteRetryBackendTimeout",
			"HTTPRouteRetryConnectionError", "TLSRouteModeMixed",
		}
		if !slices.Equal(missing, want) || len(got)+len(want) != len(all) {
			t.Errorf("%s: not claimed: %v, want %v", title, missing, want)
		}
	}
}

// TestEveryGatewayFeatureIsClaimed: the claim is the whole API but for meshes. A feature of a
// later version fails here until it is claimed or named as left out.
func TestEveryGatewayFeatureIsClaimed(t *testing.T) {
	for _, feature := range apifeatures.AllFeatures.UnsortedList() {
		mesh := strings.HasPrefix(string(feature.Name), "Mesh")
		if ours := slices.Contains(claimed, feature); ours == mesh {
			t.Errorf("%s: claimed is %t", feature.Name, ours)
		}
	}
}

// TestClassForeign: a class of another controller is not ours to speak of.
func TestClassForeign(t *testing.T) {
	foreign := strings.Replace(fixture.Class, "kedify.io/gateway-controller", "example.com/controller", 1)
	if class := Resolve(fixture.Store(t, foreign).View(nil), "kedify"); class.Owned {
		t.Errorf("%+v", class)
	}
	if class := Resolve(fixture.Store(t).View(nil), "kedify"); class.Owned {
		t.Errorf("%+v", class)
	}
}
