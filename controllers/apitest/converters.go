package apitest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoapply "k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Converters have a fake API server merge an HTTPScaler as its CRD says: by default it takes every list
// for atomic, and conditions are a map by type.
func Converters(t *testing.T) []managedfields.TypeConverter {
	t.Helper()
	ofCRD, err := converterOfCRD()
	if err != nil {
		t.Fatal(err)
	}
	return []managedfields.TypeConverter{ofCRD, clientgoapply.NewTypeConverter(clientgoscheme.Scheme), managedfields.NewDeducedTypeConverter()}
}

// converterOfCRD is made once for all tests of a package: it keeps no state.
var converterOfCRD = sync.OnceValues(func() (managedfields.TypeConverter, error) {
	_, file, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "../../charts/kedify-gateway/crds/gateway.kedify.io_httpscalers.yaml"))
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	schema := &spec.Schema{}
	if err := json.Unmarshal(raw, schema); err != nil {
		return nil, err
	}
	schema.AddExtension("x-kubernetes-group-version-kind", []any{map[string]any{
		"group": v1alpha1.GroupName, "version": v1alpha1.GroupVersion.Version, "kind": "HTTPScaler",
	}})
	return managedfields.NewTypeConverter(map[string]*spec.Schema{"io.kedify.HTTPScaler": schema}, false)
})
