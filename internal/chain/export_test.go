package chain

// WantProblem is for the tests outside of the package too.
var WantProblem = wantProblem
