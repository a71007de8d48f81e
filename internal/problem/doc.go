// Package problem is the vocabulary in which the parts below the HTTP server say what went wrong.
//
// A part that reads the chain or carries out a change knows what failed and which words the REST contract has for it,
// but nothing of HTTP; the server knows how to answer, but not why a read failed. They meet here: the part returns an
// [Error] with a [Kind] and the exact text of the answer, the server owns the one table from kinds to status codes.
// Neither imports the other.
//
//	return problem.New(problem.NotFound, "Block 7 not found.")
//	return problem.Wrap(problem.Unavailable, detail, err) // err is for the log, detail for the user
//
// [KindOf] finds the kind of any error. What is not a problem and not the end of a context is [Unknown]: the server
// answers it with a plain 500 and keeps its text for the log, because nobody has said that users may see it.
package problem
