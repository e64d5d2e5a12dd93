// Package pages finds the commands on the pages that users read.
//
// Job: take the shell blocks out of Markdown, and say of each whether a test runs it. Inputs: the text of a
// page. Outputs: its blocks. Ownership: pure; used by tests only.
//
// A block of commands is fenced as sh. The line above it may be a comment that says why no test runs it:
//
//	<!-- not run: needs kind -->
//
// or that names the block, for a test that runs it apart from the others:
//
//	<!-- block: upgrade -->
//
// Another comment, anywhere on the page, names the test that runs all other blocks of it, from the first to the last, in one shell:
//
//	<!-- commands: TestPageOperate -->
package pages

import (
	"regexp"
	"strings"
)

// Block is a fenced block of commands.
type Block struct {
	// Line is that of the fence, counted from 1.
	Line int
	// Name is what a test calls the block; empty for one without a name.
	Name string
	// Code is what stands between the fences.
	Code string
	// NotRun is why no test runs the block; empty for one that is run.
	NotRun string
}

// First is the first line of a block.
func (b Block) First() string {
	line, _, _ := strings.Cut(b.Code, "\n")
	return line
}

var (
	notRun   = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
	named    = regexp.MustCompile(`^<!-- block: ([a-z]+) -->$`)
	commands = regexp.MustCompile(`(?m)^<!-- commands: (\S+) -->$`)
)

// Blocks are the blocks of commands of a page, in its order.
func Blocks(text string) (blocks []Block) {
	var open *Block
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch {
		case open == nil && line == "```sh":
			open = &Block{Line: i + 1}
			if i > 0 {
				open.NotRun = said(notRun, lines[i-1])
				open.Name = said(named, lines[i-1])
			}
		case open != nil && line == "```":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Code += line + "\n"
		}
	}
	return blocks
}

// Test is the name of the test that runs the commands of a page; empty when the page names none.
func Test(text string) string { return said(commands, text) }

// said is what a comment says; empty when the text has none.
func said(comment *regexp.Regexp, text string) string {
	found := comment.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return found[1]
}

// Script is what a shell gets to run the blocks of a page: those that a test runs, in their order.
func Script(text string) string {
	var script strings.Builder
	for _, block := range Blocks(text) {
		if block.NotRun == "" {
			script.WriteString(block.Code)
		}
	}
	return script.String()
}
