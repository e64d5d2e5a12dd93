package docs_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// The navigation of the site has each page of docs once, and no other.
func TestNavigationHasEveryPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "mkdocs.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var site struct {
		Navigation any `json:"nav"`
	}
	if err := yaml.Unmarshal(text, &site); err != nil {
		t.Fatal(err)
	}
	named := pagesOf(site.Navigation)
	slices.Sort(named)
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(pages)
	for _, page := range pages {
		if !slices.Contains(named, page) {
			t.Errorf("docs/%s is not in the navigation of mkdocs.yml", page)
		}
	}
	for i, page := range named {
		if !slices.Contains(pages, page) {
			t.Errorf("mkdocs.yml names %s, which is not in docs", page)
		}
		if i > 0 && named[i-1] == page {
			t.Errorf("mkdocs.yml names %s twice", page)
		}
	}
}

// pagesOf are the pages of a navigation: a page, a list of entries, or titles with their entries.
func pagesOf(entry any) (pages []string) {
	switch entry := entry.(type) {
	case string:
		return []string{entry}
	case []any:
		for _, one := range entry {
			pages = append(pages, pagesOf(one)...)
		}
	case map[string]any:
		for _, one := range entry {
			pages = append(pages, pagesOf(one)...)
		}
	}
	return pages
}
