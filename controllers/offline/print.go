package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Print writes a result as YAML documents: the resources of each Gateway, then the statuses.
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
	for _, update := range r.Statuses {
		if err := document(w, statusDocument(update)); err != nil {
			return err
		}
	}
	return nil
}

func statusDocument(update status.Update) map[string]any {
	return map[string]any{"kind": update.Object.Kind, "object": update.Object.Key.String(), "status": update.Value}
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
