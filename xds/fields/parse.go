package fields

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxBytes bounds the fields of one object.
const maxBytes = 16 << 10

// RouteText checks fields of RouteAction and returns them in one form: names as in the proto, sorted;
// empty when there is none. The error names the field.
func RouteText(raw []byte) (string, error) { return routeKind.text(raw) }

// ClusterText is the same for fields of Cluster.
func ClusterText(raw []byte) (string, error) { return clusterKind.text(raw) }

func (k kind) text(raw []byte) (string, error) {
	values, message, err := k.read(raw)
	if err != nil {
		return "", err
	}
	if err := k.check(message, values); err != nil || len(values) == 0 {
		return "", err
	}
	text, err := json.Marshal(values)
	return string(text), err
}

// read returns the fields as they were written, under their names in the proto, and as a message.
func (k kind) read(raw []byte) (map[string]any, proto.Message, error) {
	if len(raw) > maxBytes {
		return nil, nil, fmt.Errorf("has %d bytes, more than %d", len(raw), maxBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var written map[string]any
	if err := decoder.Decode(&written); err != nil {
		return nil, nil, errors.New("is not an object of fields")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("has text after the object")
	}
	values, err := k.named(written, k.descriptor(), k.allowed, "")
	if err != nil {
		return nil, nil, err
	}
	message, err := k.message(values)
	return values, message, err
}

// named checks the names and returns the fields under their names in the proto.
func (k kind) named(written map[string]any, of protoreflect.MessageDescriptor, may allowed, path string) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if written[name] == nil {
			continue // in JSON as good as not there
		}
		field := Find(of, name)
		if field == nil {
			return nil, fmt.Errorf("%s%s: Envoy's %s has no such field", path, name, of.Name())
		}
		key := string(field.Name())
		below, ok := may[key]
		if !ok {
			return nil, fmt.Errorf("%s%s: cannot be set: %s", path, name, k.reason(path, key))
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("%s%s: is set twice, in two spellings", path, name)
		}
		value, err := k.namedValue(written[name], field, below, path+key)
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	return values, nil
}

func (k kind) namedValue(written any, field protoreflect.FieldDescriptor, below allowed, path string) (any, error) {
	if below == nil {
		return written, nil
	}
	switch written := written.(type) {
	case map[string]any:
		if !field.IsList() {
			return k.named(written, field.Message(), below, path+".")
		}
	case []any:
		if !field.IsList() {
			break
		}
		entries := make([]any, len(written))
		for i, entry := range written {
			object, ok := entry.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s[%d]: is not an object", path, i)
			}
			var err error
			if entries[i], err = k.named(object, field.Message(), below, fmt.Sprintf("%s[%d].", path, i)); err != nil {
				return nil, err
			}
		}
		return entries, nil
	}
	if field.IsList() {
		return nil, fmt.Errorf("%s: is not a list", path)
	}
	return nil, fmt.Errorf("%s: is not an object", path)
}

// reason says why a field is not on the list.
func (k kind) reason(path, key string) string {
	if why := k.product[key]; why != "" && path == "" {
		return why
	}
	return "it is not one of the fields that docs/gateway.md lists"
}

// message makes the message of the fields, one by one: an error names its field.
func (k kind) message(values map[string]any) (proto.Message, error) {
	whole := k.empty()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, err := json.Marshal(map[string]any{name: values[name]})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		one := k.empty()
		if err := protojson.Unmarshal(text, one); err != nil {
			return nil, fmt.Errorf("%s: %s", name, cause(err))
		}
		if err := checkNumbers(one.ProtoReflect(), ""); err != nil {
			return nil, err
		}
		proto.Merge(whole, one)
	}
	return whole, nil
}

var position = regexp.MustCompile(`^proto:\s+(\(line \d+:\d+\):\s+)?`)

// cause is an error of protojson without the position in a text that no user wrote. (Its first space
// is one of two kinds, by the build.)
func cause(err error) string {
	return position.ReplaceAllString(string(bytes.ReplaceAll([]byte(err.Error()), []byte("\u00a0"), []byte(" "))), "")
}

// Find returns the field of a message with a name as in the proto or in its JSON form; nil: there is
// none.
func Find(of protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if field := of.Fields().ByName(protoreflect.Name(name)); field != nil {
		return field
	}
	return of.Fields().ByJSONName(name)
}

// Opaque are the messages whose JSON form does not follow their fields.
func Opaque(of protoreflect.MessageDescriptor) bool {
	return of.FullName().Parent() == "google.protobuf"
}
