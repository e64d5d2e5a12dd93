package cluster

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EventAbout waits for an event about an object whose reason or note holds the text, and
// returns its note.
func (c *Cluster) EventAbout(t testing.TB, namespace, kind, name, text string) string {
	t.Helper()
	var note string
	Eventually(t, statusTimeout, func() error {
		list, err := c.Clients.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.kind=" + kind + ",involvedObject.name=" + name,
		})
		if err != nil {
			return err
		}
		var notes []string
		for _, event := range list.Items {
			note = event.Reason + ": " + event.Message
			if strings.Contains(note, text) {
				return nil
			}
			notes = append(notes, note)
		}
		return fmt.Errorf("no event about %s %s/%s holds %q; there are:\n%s", kind, namespace, name, text, strings.Join(notes, "\n"))
	})
	return note
}
