package e2e

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// examples are the folders that TestExamples executes, elsewhere the ones that have a test of
// their own. (TestKedifyHTTPExamples has those that scale, TestAutowireExamples those that
// are wired.)
var (
	examples  = map[string]func(*testing.T){"http-basic": exampleHTTP}
	elsewhere = map[string]func(*testing.T){
		"two-pools-weighted":   TestTwoPoolsWeighted,
		"inference-quickstart": TestInferenceQuickstart,
		"model-routing":        TestInferenceModels,
		"prefill-decode":       TestInferencePrefillDecode,
	}
)

// TestExamples applies examples as their READMEs say and checks what the READMEs promise.
func TestExamples(t *testing.T) {
	for _, folder := range slices.Sorted(maps.Keys(examples)) {
		t.Run(folder, examples[folder])
	}
}

// TestEveryExampleIsExecuted fails when a folder of examples/ has no test, or no README.
func TestEveryExampleIsExecuted(t *testing.T) {
	folders, err := os.ReadDir(filepath.Join(*root, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	left := maps.Clone(examples)
	maps.Copy(left, elsewhere)
	maps.Copy(left, scalingExamples)
	maps.Copy(left, wiredExamples)
	for _, folder := range folders {
		if left[folder.Name()] == nil {
			t.Errorf("no test executes examples/%s", folder.Name())
		}
		delete(left, folder.Name())
		if _, err := os.Stat(filepath.Join(*root, "examples", folder.Name(), "README.md")); err != nil {
			t.Error(err)
		}
	}
	for name := range left {
		t.Errorf("there is no examples/%s", name)
	}
}

func exampleHTTP(t *testing.T) {
	const namespace, host = "http-basic", "shop.example.com"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	c.RouteHas(t, namespace, "shop", cluster.Accepted, cluster.ResolvedRefs)
	probe(t, address, host, "/")

	versions := map[string]int{}
	for range 300 {
		got, err := ask(address, host, "/", "")
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%v %+v", err, got)
		}
		if got.header.Get("x-served-through") != "kedify" {
			t.Fatalf("the response header is missing: %v", got.header)
		}
		versions[deployment(t, got.body)]++
	}
	t.Logf("answers: %v", versions)
	if share := float64(versions["shop-v2"]) / 300; share < 0.02 || share > 0.18 {
		t.Errorf("shop-v2 got %.2f of the requests, want 0.1", share)
	}
	for range 20 {
		got, err := ask(address, host, "/", "", "x-version", "v2")
		if err != nil || deployment(t, got.body) != "shop-v2" {
			t.Fatalf("testers: %v %+v", err, got)
		}
	}
	got, err := ask(address, host, "/old-cart", "")
	if err != nil || got.status != http.StatusMovedPermanently || got.header.Get("location") != "http://"+host+"/cart" {
		t.Errorf("moved: %v %+v", err, got)
	}
	if got, err := ask(address, "other.example.com", "/", ""); err != nil || got.status != http.StatusNotFound {
		t.Errorf("another host: %v %+v", err, got)
	}
}
