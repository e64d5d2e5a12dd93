package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/kedify/inference-gateway/xds/fields"
)

// ErrExtra says that what should be merged into a bootstrap is not one.
var ErrExtra = errors.New("not an Envoy bootstrap (envoy.config.bootstrap.v3.Bootstrap)")

// Merge adds the fields of extra (JSON or YAML, names as in the proto or in its JSON form) to
// a rendered bootstrap: messages are merged, lists appended, anything else replaced, as
// proto.Merge does.
//
// It works on the text and not on messages, because extensions (typed_config) may be of types
// that this program does not know. Everything outside of them is checked: an unknown field or
// a value of the wrong type is ErrExtra, and not an Envoy that does not start.
func Merge(base, extra []byte) ([]byte, error) {
	var into, from map[string]any
	if err := yaml.Unmarshal(base, &into); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(extra, &from); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExtra, err)
	}
	description := (&bootstrapv3.Bootstrap{}).ProtoReflect().Descriptor()
	known, err := checkedFields(from, description)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	if err := protojson.Unmarshal(plain, &bootstrapv3.Bootstrap{}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExtra, err)
	}
	mergeMessage(into, from, description)
	if into["stats_flush_interval"] != nil {
		delete(into, "stats_flush_on_admin") // Envoy takes one of them, but they are no oneof
	}
	return yaml.Marshal(into)
}

const anyName = protoreflect.FullName("google.protobuf.Any")

// checkedFields returns a copy without the extensions, for a check by type.
func checkedFields(from map[string]any, description protoreflect.MessageDescriptor) (map[string]any, error) {
	known := map[string]any{}
	for name, value := range from {
		field := fields.Find(description, name)
		if field == nil {
			return nil, fmt.Errorf("%w: %s has no field %q", ErrExtra, description.Name(), name)
		}
		if field.Message() != nil && field.Message().FullName() == anyName {
			continue
		}
		var err error
		if known[name], err = checkedValue(value, field); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func checkedValue(value any, field protoreflect.FieldDescriptor) (any, error) {
	message := field.Message()
	if message == nil || fields.Opaque(message) || field.IsMap() {
		// Maps of extensions are left to Envoy.
		if field.IsMap() && field.MapValue().Message() != nil && field.MapValue().Message().FullName() == anyName {
			return map[string]any{}, nil
		}
		return value, nil
	}
	switch value := value.(type) {
	case map[string]any:
		return checkedFields(value, message)
	case []any:
		entries := make([]any, len(value))
		for i, entry := range value {
			var err error
			if entries[i], err = checkedValue(entry, field); err != nil {
				return nil, err
			}
		}
		return entries, nil
	}
	return value, nil // of the wrong type: the check by type says so
}

// mergeMessage merges fields into a message in the form with the names of the proto.
func mergeMessage(into, from map[string]any, description protoreflect.MessageDescriptor) {
	for name, value := range from {
		field := fields.Find(description, name)
		clearOneof(into, field)
		into[string(field.Name())] = mergeValue(into[string(field.Name())], value, field)
	}
}

func mergeValue(into, from any, field protoreflect.FieldDescriptor) any {
	if list, ok := from.([]any); ok {
		before, _ := into.([]any)
		after := append([]any{}, before...)
		for _, entry := range list {
			after = append(after, mergeValue(nil, entry, field))
		}
		return after
	}
	message, ok := from.(map[string]any)
	if !ok || field.Message() == nil || fields.Opaque(field.Message()) {
		return from
	}
	before, _ := into.(map[string]any)
	if before == nil {
		before = map[string]any{}
	}
	if field.IsMap() {
		for key, value := range message {
			before[key] = value
		}
		return before
	}
	mergeMessage(before, message, field.Message())
	return before
}

// clearOneof removes the other members of the oneof that a field is about to be set in.
func clearOneof(into map[string]any, field protoreflect.FieldDescriptor) {
	oneof := field.ContainingOneof()
	if oneof == nil {
		return
	}
	for i := range oneof.Fields().Len() {
		if other := oneof.Fields().Get(i); other != field {
			delete(into, string(other.Name()))
		}
	}
}
