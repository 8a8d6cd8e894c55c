"""The planner's own cases: a cluster in a few lines, and below them, as text, what the planner decides for it.

`cases/*.txt` hold the written ones, a file for each topic:

    === a sentence that says which rule this shows
    nodes n1 n2
    primitive a
    location a n2 100
    ---
    Start  a  ( n2 )
    steps
      start a on n2
    scores
      a: n1 0, n2 100

Above `---` stands the cluster (`language` and `history` have all words), below it the decisions: the changes with
Pacemaker's reasons, the steps with what each waits for, the scores that are not all zero. `show status` adds what was
made of the status before anything was planned, `show why` the explanations, `show verify` the findings.

    python -m tests.scenarios                    compare; a diff for each case that differs
    python -m tests.scenarios --rewrite          write down what is decided now; read the diff of the files then
    python -m tests.scenarios --cib WORDS        the CIBs of the cases whose sentence has these words
    python -m tests.scenarios --against PROGRAM  compare with a Pacemaker's crm_simulate instead (`differences` has what
                                                 is known to differ, and why)
    python -m tests.scenarios --generate SEED    print a CIB made by the generator; with --against compare the decisions

Modules

    case         a case: its text, its cluster, what is expected; files of cases read and written
    language     the words for nodes, resources, and constraints, to a CIB
    history      the words for the status: what runs where, what failed, what was probed
    implied      what bundles and guest nodes imply
    answer       the planner's answer to a CIB, by its command line: the only door to what is tested
    report       an answer as the text of the cases
    differences  where Pacemaker's crm_simulate is known to answer otherwise
    recorded     the cases that a generator made, with Pacemaker's answers, from `generated.tar.xz`
    generator    random small CIBs, each from a seed
"""
