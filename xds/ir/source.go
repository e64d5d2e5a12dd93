package ir

// Key identifies a namespaced object.
type Key struct{ Namespace, Name string }

func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Source is the object of the user that a node of the IR came from.
//
// Section is the name of a listener or of a route rule where one is known.
type Source struct {
	Kind      string
	Namespace string
	Name      string
	Section   string
}

// Key returns the namespace and name of the source.
func (s Source) Key() Key { return Key{Namespace: s.Namespace, Name: s.Name} }

func (s Source) String() string {
	text := s.Kind + " " + s.Namespace + "/" + s.Name
	if s.Section != "" {
		text += " (" + s.Section + ")"
	}
	return text
}
