package server

import (
	"net/url"
	"strconv"
	"strings"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// Lists can be read in pages. Without these parameters an answer has everything, as the contract wants it. A page is
// a body of the same form with fewer entries; where the next one is says a Link header. It leads to the very block of
// the first page, by its number, so that pages fit together while the chain goes on. The cursor is the place in the list and
// the beginning of the block's hash: should the chain have replaced the block meanwhile, the next page is refused.
var (
	limitParameter = parameter{
		name: "limit", least: 1,
		about: "How many entries the answer has at most. Where the next ones are says the Link header with rel=\"next\".",
	}
	cursorParameter = parameter{name: "cursor", text: true, about: "Where a page begins, from the Link header of the one before."}
	paging          = []parameter{limitParameter, cursorParameter}
)

// jsonAppender is what the root package's types can do.
type jsonAppender interface {
	AppendJSON(dst []byte) []byte
}

// writeList answers with a list at a block: with all of it, from the kept bodies, or with the page that was asked for.
func (x *exchange) writeList(
	about question, netuid pylon.Netuid, block pylon.Block, whole jsonAppender, length int, part func(from, to int) jsonAppender,
) error {
	if x.request.URL.RawQuery != "" {
		from, to, paged, err := x.page(block, length)
		if err != nil {
			return err
		}
		if paged {
			return x.writeFresh(part(from, to).AppendJSON)
		}
	}
	return x.writeRendered(bodyKey{question: about, netuid: netuid, block: block.Hash}, whole.AppendJSON)
}

// page returns the part of a list that the request asks for, and says in a header where the next one is.
func (x *exchange) page(block pylon.Block, length int) (from, to int, paged bool, err error) {
	query := x.request.URL.Query()
	limits, cursors := query[limitParameter.name], query[cursorParameter.name]
	if len(limits) == 0 && len(cursors) == 0 {
		return 0, length, false, nil
	}
	var wrong []problem.Field
	limit := uint64(length)
	if len(limits) > 0 {
		limit, wrong = limitParameter.read(limits[0], wrong)
	}
	if len(cursors) > 0 {
		from, wrong = readCursor(cursors[0], block, length, wrong)
	}
	if len(wrong) > 0 {
		return 0, 0, false, x.invalid(wrong...)
	}
	if limit >= uint64(length-from) {
		return from, length, true, nil
	}
	to = from + int(limit)
	next := url.Values{limitParameter.name: limits[:1], cursorParameter.name: {cursor(to, block)}}
	x.writer.Header()["Link"] = []string{"<" + x.pathAt(block.Number) + "?" + next.Encode() + `>; rel="next"`}
	return from, to, true, nil
}

// hashPrefix is how many digits of a block's hash a cursor has.
const hashPrefix = 16

func cursor(place int, block pylon.Block) string { return strconv.Itoa(place) + "-" + blockMark(block) }

func blockMark(block pylon.Block) string {
	digits := strings.TrimPrefix(block.Hash, "0x")
	return digits[:min(len(digits), hashPrefix)]
}

// readCursor returns the place in a list of that length at that block, and adds what is wrong with it to wrong.
func readCursor(text string, block pylon.Block, length int, wrong []problem.Field) (int, []problem.Field) {
	field := problem.Field{Key: cursorParameter.name, Source: "query", Message: "Value error, no page begins here"}
	place, mark, ok := strings.Cut(text, "-")
	from, err := strconv.ParseUint(place, 10, 31)
	switch {
	case !ok || err != nil:
		return 0, append(wrong, field)
	case mark != blockMark(block):
		field.Message = "Value error, the page is of another block: begin with the first page"
		return 0, append(wrong, field)
	case from > uint64(length):
		return 0, append(wrong, field)
	}
	return int(from), wrong
}

// pathAt is the path of the same question at the block with that number.
func (x *exchange) pathAt(number uint64) string {
	return x.pathWith(func(fixed, name string) (string, bool) {
		switch {
		case fixed == "latest", fixed == "recent", name == "block_number":
			return strconv.FormatUint(number, 10), true
		}
		return "", false
	})
}

// pathWith builds the path of the request from its template, not from what was asked, so that it can not lead to
// another host. replace returns another text for a fixed segment or for the parameter of that name.
func (x *exchange) pathWith(replace func(fixed, name string) (string, bool)) string {
	var path strings.Builder
	next := 0
	for segment := range strings.SplitSeq(x.route.template[1:], "/") {
		path.WriteByte('/')
		name, isParam := paramName(segment)
		fixed := segment
		if isParam {
			fixed = ""
			segment = url.PathEscape(x.params[next])
			next++
		}
		if other, ok := replace(fixed, name); ok {
			segment = other
		}
		path.WriteString(segment)
	}
	return path.String()
}
