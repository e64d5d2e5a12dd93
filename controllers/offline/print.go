package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Print writes a result as YAML documents: the resources of each Gateway, the objects that ScaledObjects become, then the statuses
// with the problems that no condition names.
func (r Result) Print(w io.Writer) error {
	for _, gateway := range r.Gateways {
		resources := make([]json.RawMessage, 0, len(gateway.Resources))
		for _, res := range gateway.Resources {
			text, err := messageJSON(res)
			if err != nil {
				return err
			}
			resources = append(resources, text)
		}
		if err := document(w, map[string]any{"gateway": gateway.Key.String(), "resources": resources}); err != nil {
			return err
		}
	}
	for _, object := range r.Generated {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return fmt.Errorf("%s: %w", object.GetName(), err)
		}
		delete(content, "status")
		unstructured.RemoveNestedField(content, "metadata", "generation")
		if err := document(w, map[string]any{"generated": content}); err != nil {
			return err
		}
	}
	return r.printStatuses(w)
}

func (r Result) printStatuses(w io.Writer) error {
	unsaid := map[resolve.Object][]string{}
	for _, problem := range r.Problems {
		if !problem.InStatus {
			unsaid[problem.Object] = append(unsaid[problem.Object], problem.Message)
		}
	}
	for _, update := range r.Statuses {
		content := map[string]any{"kind": update.Object.Kind, "object": update.Object.Key.String(), "status": update.Value}
		if texts := unsaid[update.Object]; len(texts) > 0 {
			content["problems"] = texts
			delete(unsaid, update.Object)
		}
		if err := document(w, content); err != nil {
			return err
		}
	}
	for _, problem := range r.Problems { // in their order
		texts := unsaid[problem.Object]
		if len(texts) == 0 {
			continue
		}
		delete(unsaid, problem.Object)
		err := document(w, map[string]any{"kind": problem.Object.Kind, "object": problem.Object.Key.String(), "problems": texts})
		if err != nil {
			return err
		}
	}
	return nil
}

// messageJSON returns a resource as JSON with its type. protojson varies its white space on
// purpose; compacting takes that back.
func messageJSON(r resource.Resource) (json.RawMessage, error) {
	text, err := protojson.Marshal(&anypb.Any{TypeUrl: string(r.Type), Value: r.Body})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, err)
	}
	return compact.Bytes(), nil
}

func document(w io.Writer, content map[string]any) error {
	text, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "---\n%s", text)
	return err
}
