"""The order of truth under late, duplicate, partial, corrected and out-of-order delivery.

`creforge submissions` makes the files that lenders send, with everything that goes
wrong between lenders and a bureau. They are delivered in the order of their arrival;
then the tables behind them are rebuilt from verified reports alone, and `creforge
reconcile` compares these with what the files were made from.
"""
