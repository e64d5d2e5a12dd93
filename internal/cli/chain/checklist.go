package chain

import (
	"fmt"
	"io"
	"strings"
)

// State says whether a link holds.
type State string

// The states of a link.
const (
	OK      State = "OK"
	Failed  State = "Failed"
	Unknown State = "Unknown"
	// Idle links have nothing to do: an application at zero without requests.
	Idle State = "Idle"
)

// marks before a link, for people.
var marks = map[State]string{OK: "✓", Failed: "✗", Unknown: "?", Idle: "-"}

// Link is one step between an object and an answered request.
type Link struct {
	// Name such as "attached"; Subject is the object that the link is about where a chain has several.
	Name    string `json:"name"`
	Subject string `json:"subject,omitempty"`
	State   State  `json:"state"`
	// Evidence is what was seen, one sentence. Fix is what to do about a link that failed.
	Evidence string `json:"evidence"`
	Fix      string `json:"fix,omitempty"`
}

// Checklist is the chain of one object.
type Checklist struct {
	// Object as "Kind namespace/name".
	Object string `json:"object"`
	// Served: no link failed.
	Served bool `json:"served"`
	// Cause is the first link that failed, as "name: evidence"; empty: none did.
	Cause string `json:"cause,omitempty"`
	Links []Link `json:"links"`
}

// Add appends a link. The first one that failed is the cause.
func (c *Checklist) Add(link Link) {
	c.Links = append(c.Links, link)
	if link.State == Failed && c.Served {
		c.Served, c.Cause = false, link.Name+": "+link.Evidence
	}
}

// list collects links.
type list struct{ Checklist }

func newList(object Object) *list {
	return &list{Checklist{Object: object.String(), Served: true}}
}

func (l *list) add(name, subject string, state State, evidence, fix string) {
	l.Add(Link{Name: name, Subject: subject, State: state, Evidence: evidence, Fix: fix})
}

func (l *list) ok(name, subject, format string, values ...any) {
	l.add(name, subject, OK, fmt.Sprintf(format, values...), "")
}

func (l *list) idle(name, subject, format string, values ...any) {
	l.add(name, subject, Idle, fmt.Sprintf(format, values...), "")
}

func (l *list) unknown(name, subject, format string, values ...any) {
	l.add(name, subject, Unknown, fmt.Sprintf(format, values...), "")
}

// Write prints a checklist for people.
func (c Checklist) Write(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", c.Object)
	width := 0
	for _, link := range c.Links {
		width = max(width, len(link.Name))
	}
	for _, link := range c.Links {
		subject := link.Subject
		if subject != "" {
			subject += ": "
		}
		fmt.Fprintf(&text, "  %s %-*s  %s%s\n", marks[link.State], width, link.Name, subject, link.Evidence)
		if link.Fix != "" {
			fmt.Fprintf(&text, "    %-*s  fix: %s\n", width, "", link.Fix)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
