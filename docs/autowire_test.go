package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const autowirePage = "autowire.md"

var (
	messagesPart = regexp.MustCompile(`(?s)<!-- messages:.*?-->\n(.*?)<!-- end of messages -->`)
	tableRow     = regexp.MustCompile("(?m)^\\| (`?\\w+`?) \\| (.*) \\|$")
	verb         = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)
	// elsewhereMade are rows of the tables whose messages are made of parts, and the heads of the tables.
	elsewhereMade = []string{"message", "… leads to the proxies through Service ….", "No object of another controller leads to …."}
)

// quotation is a message that hands on one of wiring/foreign.
const quotation = "…: …"

// The page of autowiring has the messages of condition Rewired as the code has them, and all of them: what
// wiring/plan and wiring/mirror say of an object, and why wiring/foreign refuses a reference.
func TestMessagesOfAutowiringAreVerbatim(t *testing.T) {
	text, err := os.ReadFile(autowirePage)
	if err != nil {
		t.Fatal(err)
	}
	part := messagesPart.FindSubmatch(text)
	if part == nil {
		t.Fatal("the page has no place for the messages")
	}
	said := map[string]bool{}
	for _, row := range tableRow.FindAllStringSubmatch(string(part[1]), -1) {
		said[row[2]] = true
	}
	var made []string
	for _, name := range []string{"plan", "mirror", "foreign"} {
		made = append(made, messagesOf(t, filepath.Join(root, "wiring", name))...)
	}
	for _, message := range made {
		if !said[message] && message != quotation {
			t.Errorf("%s lacks: %s", autowirePage, message)
		}
	}
	for message := range said {
		if !slices.Contains(made, message) && !slices.Contains(elsewhereMade, message) {
			t.Errorf("%s has a message that nothing says: %s", autowirePage, message)
		}
	}
}

// messagesOf returns the messages that a package makes, with … for what is filled in.
func messagesOf(t *testing.T, folder string) []string {
	t.Helper()
	files := sourcesOf(t, folder)
	constants := map[string]string{}
	for _, file := range files {
		addConstants(constants, file)
	}
	var messages []string
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			if expression := messageOf(node); expression != nil {
				if message := verb.ReplaceAllString(textOf(expression, constants), "…"); message != "" {
					messages = append(messages, message)
				}
			}
			return true
		})
	}
	if len(messages) < 5 {
		t.Fatalf("%s has %d messages: are they still made as this test thinks?", folder, len(messages))
	}
	return messages
}

// sourcesOf parses the files of a package, without its tests.
func sourcesOf(t *testing.T, folder string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// messageOf is the expression of a message that a node makes: the second argument of because and of
// problem, and what is assigned to refused.
func messageOf(node ast.Node) ast.Expr {
	switch node := node.(type) {
	case *ast.CallExpr:
		if called, ok := node.Fun.(*ast.Ident); ok && (called.Name == "because" || called.Name == "problem") && len(node.Args) > 1 {
			return node.Args[1]
		}
	case *ast.AssignStmt:
		if len(node.Lhs) != 1 || !strings.EqualFold(lastName(node.Lhs[0]), "refused") {
			return nil
		}
		if made, ok := node.Rhs[0].(*ast.CallExpr); ok && lastName(made.Fun) == "Sprintf" {
			return made.Args[0]
		}
		return node.Rhs[0]
	}
	return nil
}

// lastName is the name of a variable, field or function.
func lastName(expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.Ident:
		return expression.Name
	case *ast.SelectorExpr:
		return expression.Sel.Name
	}
	return ""
}

// addConstants adds the texts that a file gives a name.
func addConstants(constants map[string]string, file *ast.File) {
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok {
			for i, value := range spec.Values {
				constants[spec.Names[i].Name] = textOf(value, constants)
			}
		}
		return true
	})
}

// textOf is the text of an expression of literals and constants; of any other it is empty.
func textOf(expression ast.Expr, constants map[string]string) string {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(expression.Value)
		if err == nil && expression.Kind == token.STRING {
			return text
		}
	case *ast.Ident:
		return constants[expression.Name]
	case *ast.BinaryExpr:
		return textOf(expression.X, constants) + textOf(expression.Y, constants)
	}
	return ""
}
