package pylon_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packages returns the folders of the module that hold Go code other than tests, with their package comment and their
// imports. The root is ".".
func packages(t *testing.T) map[string]struct {
	doc     string
	imports []string
} {
	t.Helper()
	found := map[string]struct {
		doc     string
		imports []string
	}{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != "." && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		p := found[filepath.Dir(path)]
		p.doc += file.Doc.Text()
		for _, spec := range file.Imports {
			p.imports = append(p.imports, strings.Trim(spec.Path.Value, `"`))
		}
		found[filepath.Dir(path)] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The map names every package that exists and none that does not, and every package explains itself in a page.
func TestArchitecturePageIsTrue(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	section, _, _ := strings.Cut(string(page), "## A read")
	var named []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(section, -1) {
		dir := match[1]
		if dir == "pylon" {
			dir = "."
		}
		named = append(named, dir)
	}
	all := packages(t)
	for dir, p := range all {
		if !slices.Contains(named, dir) {
			t.Errorf("docs/architecture.md does not name %s", dir)
		}
		switch lines := strings.Count(p.doc, "\n"); {
		case lines == 0:
			t.Errorf("%s has no package comment", dir)
		case lines > 75:
			t.Errorf("the package comment of %s has %d lines: more than a page", dir, lines)
		}
	}
	for _, dir := range named {
		if _, ok := all[dir]; !ok {
			t.Errorf("docs/architecture.md names %s, which does not exist", dir)
		}
	}
}

// Who imports the client library gets the standard library and nothing else.
func TestRootImportsStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, path := range packages(t)["."].imports {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			t.Errorf("the root package imports %s", path)
		}
	}
}
