package fields

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Merge lays fields over others, both texts of RouteText or of ClusterText: a field that own sets
// replaces that of base, as a whole, and an lb_policy the configuration of the one before, too.
func Merge(base, own string) (string, error) {
	if base == "" || own == "" {
		return base + own, nil
	}
	var into, from map[string]json.RawMessage
	if err := json.Unmarshal([]byte(base), &into); err != nil {
		return "", fmt.Errorf("merge fields: %w", err)
	}
	if err := json.Unmarshal([]byte(own), &from); err != nil {
		return "", fmt.Errorf("merge fields: %w", err)
	}
	if _, chosen := from[lbPolicy]; chosen {
		for name := range into {
			if strings.HasSuffix(name, lbConfig) && name != commonLBConfig {
				delete(into, name)
			}
		}
	}
	for name, value := range from {
		into[name] = value
	}
	text, err := json.Marshal(into)
	return string(text), err
}

// retryBackOff is replaced as a whole: one interval means nothing without the other.
const retryBackOff = "retry_back_off"

// overlay sets the fields that were written, those of messages one by one. A field that was written
// with the value that it has anyway, such as false, is set, too: values tell what was written.
func overlay(into, from protoreflect.Message, values map[string]any) {
	for name, value := range values {
		field := from.Descriptor().Fields().ByName(protoreflect.Name(name))
		below, fields := value.(map[string]any)
		if fields && field.Message() != nil && !field.IsList() && !field.IsMap() && !Opaque(field.Message()) && name != retryBackOff {
			overlay(into.Mutable(field).Message(), from.Get(field).Message(), below)
			continue
		}
		into.Set(field, from.Get(field))
	}
}
