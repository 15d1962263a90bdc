"""The two experiments with people: which of 16 things is on the picture, which word was said.

    run folders -> stimuli -> trials -> pages -> responses -> statistics -> recognition.csv

`stimuli` reads what run folders offer, `trials` decides who gets what, `pages` writes a folder
that any browser opens, `server` hands it out in a laboratory, `responses` reads the files that
come back, `statistics` tells what they mean, and `simulated` answers in place of people.

Source: paper, sections 3.4 and 3.5.
"""
