package debug

// Key is the namespace and name of a Kubernetes object.
type Key struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Source is a Kubernetes object of the user that shaped an xDS resource.
type Source struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Section is the name of a listener or of a route rule where one is known.
	Section string `json:"section,omitempty"`
}

func (s Source) String() string {
	text := s.Kind + " " + s.Namespace + "/" + s.Name
	if s.Section != "" {
		text += " (" + s.Section + ")"
	}
	return text
}
