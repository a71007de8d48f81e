package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: ${enum}."`
}

// Help is shown by --help.
func (*completionCommand) Help() string {
	return `For bash: source <(pylon completion bash). For zsh the same, after compinit. For fish: pylon completion fish | source.`
}

// Run prints a script that knows the commands and flags of this very program.
func (c *completionCommand) Run(parser *kong.Kong, p process) error {
	words := map[string][]string{}
	collect(parser.Model.Node, "", words)
	var script strings.Builder
	if c.Shell == "fish" {
		fishCompletion(&script, words)
	} else {
		bashCompletion(&script, words, c.Shell == "zsh")
	}
	_, err := io.WriteString(p.stdout, script.String())
	return err
}

// collect lists what can follow each command: its subcommands, the values of its arguments, its flags.
func collect(node *kong.Node, path string, words map[string][]string) {
	var following []string
	for _, child := range node.Children {
		if !child.Hidden {
			following = append(following, child.Name)
			collect(child, strings.TrimSpace(path+" "+child.Name), words)
		}
	}
	for _, argument := range node.Positional {
		following = append(following, values(argument.Enum)...)
	}
	for _, flag := range node.Flags {
		following = append(following, "--"+flag.Name)
	}
	words[path] = following
	for _, flag := range node.Flags {
		if flag.Enum != "" {
			words[strings.TrimSpace(path+" --"+flag.Name)] = values(flag.Enum)
		}
	}
}

func values(enum string) []string {
	return slices.DeleteFunc(strings.Split(enum, ","), func(word string) bool { return word == "" })
}

func bashCompletion(w io.Writer, words map[string][]string, zsh bool) {
	if zsh {
		fmt.Fprint(w, "autoload -U +X bashcompinit && bashcompinit\n")
	}
	fmt.Fprint(w, `_pylon() {
  local path="" word words
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
`)
	for _, path := range slices.Sorted(maps.Keys(words)) {
		if path != "" && !strings.Contains(path, "--") {
			fmt.Fprintf(w, "      %q) path=%q ;;\n", " "+path, " "+path)
		}
	}
	fmt.Fprint(w, "    esac\n  done\n  case \"$path ${COMP_WORDS[COMP_CWORD-1]}\" in\n")
	for _, path := range slices.Sorted(maps.Keys(words)) {
		if strings.Contains(path, "--") {
			fmt.Fprintf(w, "    %q) words=%q ;;\n", " "+path, strings.Join(words[path], " "))
		}
	}
	fmt.Fprint(w, "    *) case \"$path\" in\n")
	for _, path := range slices.Sorted(maps.Keys(words)) {
		if !strings.Contains(path, "--") {
			key := path
			if key != "" {
				key = " " + key
			}
			fmt.Fprintf(w, "      %q) words=%q ;;\n", key, strings.Join(words[path], " "))
		}
	}
	fmt.Fprint(w, `    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pylon pylon
`)
}

func fishCompletion(w io.Writer, words map[string][]string) {
	fmt.Fprintln(w, "complete -c pylon -f")
	for _, path := range slices.Sorted(maps.Keys(words)) {
		if strings.Contains(path, "--") {
			continue
		}
		condition := "__fish_use_subcommand"
		if path != "" {
			var seen []string
			for word := range strings.FieldsSeq(path) {
				seen = append(seen, "__fish_seen_subcommand_from "+word)
			}
			condition = strings.Join(seen, "; and ")
		}
		for _, word := range words[path] {
			if name, flag := strings.CutPrefix(word, "--"); flag {
				line := fmt.Sprintf("complete -c pylon -n '%s' -l %s", condition, name)
				if enum := words[strings.TrimSpace(path+" --"+name)]; len(enum) > 0 {
					line += fmt.Sprintf(" -x -a '%s'", strings.Join(enum, " "))
				}
				fmt.Fprintln(w, line)
				continue
			}
			fmt.Fprintf(w, "complete -c pylon -n '%s' -a %s\n", condition, word)
		}
	}
}
